"""The data dictionary: every column of every object, what it means, what may be known of it, where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crm_patterns.core.contracts import ContractField, ObjectContract, ObjectDescription
from crm_patterns.core.meanings import policy_of
from crm_patterns.core.own_columns import OWN_COLUMNS
from crm_patterns.core.policies import Policy

TypeOf = Callable[[ContractField], str]

_HEADER = (
    "# Data dictionary\n\n"
    "Made by `python -m crm_patterns dictionary`; do not edit. Types are the\n"
    "warehouse's. *Policy* is what may be known of a column: see [governance](governance.md). A column comes from the\n"
    "field beside it, unchanged where it is plain, by a keyed hash where it is hashed; a blocked field has no column.\n"
)


@dataclass(frozen=True, slots=True)
class Documented:
    """One object: as its source describes it, and as it moves into `schema`. `blocked` names fields of the settings."""

    description: ObjectDescription
    contract: ObjectContract
    schema: str
    blocked: tuple[str, ...] = ()


def render(objects: Sequence[Documented], *, type_of: TypeOf) -> str:
    """Markdown, one table per object, then the columns that every table has besides."""
    parts = [_HEADER, *(_section(item, type_of) for item in objects), _own_section(type_of)]
    return "\n".join(parts)


def _section(item: Documented, type_of: TypeOf) -> str:
    contract = item.contract
    cursor = f"cursor `{contract.cursor_column}`" if contract.cursor_column else "no cursor"
    return "\n".join(
        (
            f"## {contract.object_name}\n",
            f"`{item.schema}.{contract.table}` from {contract.source} `{contract.object_name}`; "
            f"key `{contract.key_column}`, {cursor}.\n",
            "| column | type | field | meaning | policy |",
            "|---|---|---|---|---|",
            *(_row(field, type_of) for field in contract.fields),
            *_blocked_rows(item),
            "",
        )
    )


def _row(field: ContractField, type_of: TypeOf) -> str:
    origin, meaning = f"`{field.name}`", _cell(_meaning(field))
    return f"| `{field.column}` | {type_of(field).lower()} | {origin} | {meaning} | {policy_of(field)} |"


def _blocked_rows(item: Documented) -> Iterator[str]:
    for name in item.blocked:
        field = item.description.by_name.get(name.lower())
        if field is not None:
            yield f"| – | – | `{field.name}` | {_cell(field.label)} | {Policy.BLOCK} |"


def _own_section(type_of: TypeOf) -> str:
    types = [type_of(ContractField(own.column, own.column, own.kind)) for own in OWN_COLUMNS]
    rows = [
        f"| `{own.column}` | {kind.lower()} | {_cell(own.means)} |"
        for own, kind in zip(OWN_COLUMNS, types, strict=True)
    ]
    return "\n".join(("## In every table\n", "| column | type | meaning |", "|---|---|---|", *rows, ""))


def _meaning(field: ContractField) -> str:
    said = ": ".join(text for text in (field.label, field.help) if text)
    return f"{said} → {', '.join(field.references)}" if field.references else said


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
