"""
The marts that ship: `include/sql/warehouse_elt/marts/<mart>.yaml` beside the statement `<mart>.snowflake.sql`.

The YAML says what a mart is for people and for the warehouse: its grain, its columns and what each means, its inputs.
A DAG file needs `objects_of_marts` only, and loads nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from crm_patterns.core.errors import FixSettings

if TYPE_CHECKING:
    from crm_patterns.core.contracts import ContractField
    from crm_patterns.core.marts import MartDefinition, MartInput

FOLDER = Path("sql") / "warehouse_elt" / "marts"
KINDS: Mapping[str, tuple[str, int | None]] = {
    "text": ("text", None),
    "whole number": ("integer", None),
    "money": ("decimal", 2),
    "ratio": ("decimal", 4),
    "days": ("decimal", 2),
    "date": ("date", None),
    "time": ("timestamp", None),
}
"""The kinds of columns that a mart may have: the type that travels, and its scale in decimal digits."""

BUILT_AT = ("built_at", {"time": "when the mart was computed"})
"""The last column of every mart."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNDERSTOOD = (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, OSError)


def objects_of_marts(include: Path) -> dict[str, tuple[str, ...]]:
    """The objects whose runs change it, by the mart's name."""
    return {path.stem.upper(): _objects(path) for path in sorted((include / FOLDER).glob("*.yaml"))}


def load_mart(include: Path, name: str) -> MartDefinition:
    """FixSettings names the file and what is wrong with it."""
    from crm_patterns.core.fingerprints import fingerprint
    from crm_patterns.core.marts import MartDefinition

    path = include / FOLDER / f"{name.lower()}.yaml"
    data = _read(path)
    try:
        columns = dict([*data["columns"].items(), BUILT_AT])
        statement = path.with_name(f"{path.stem}.snowflake.sql").read_text(encoding="utf-8")
        shared = [part.read_text(encoding="utf-8") for part in sorted(path.parent.glob("*.jinja"))]
        return MartDefinition(
            name=name,
            grain=data["grain"],
            key=tuple(data["key"]),
            columns=tuple(_column(name, given) for name, given in columns.items()),
            meanings={name: next(iter(given.values())) for name, given in columns.items()},
            inputs=tuple(_input(item) for item in data["inputs"]),
            one_of=tuple(data.get("one_of", ())),
            fingerprint=fingerprint([path.read_text(encoding="utf-8"), statement, shared]),
        )
    except _UNDERSTOOD as error:
        raise _not_understood(path, error) from error


def _objects(path: Path) -> tuple[str, ...]:
    """Off the parsed nodes: to make values of all columns and their meanings costs a DAG file more than it is worth."""
    try:
        parts = dict(_entries(yaml.compose(path.read_text(encoding="utf-8"), Loader=_LOADER)))
        inputs = (dict(_entries(item)) for item in parts["inputs"].value)
        return tuple(dict.fromkeys(item["object"].value for item in inputs if "object" in item))
    except _UNDERSTOOD as error:
        raise _not_understood(path, error) from error


def _entries(mapping: Any) -> Iterator[tuple[str, Any]]:
    for key, value in mapping.value:
        yield key.value, value


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER))  # noqa: S506 - both are safe loaders
    except _UNDERSTOOD as error:
        raise _not_understood(path, error) from error


def _not_understood(path: Path, error: Exception) -> FixSettings:
    told = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return FixSettings(f"The mart {path.name} is not understood: {told}.", fix="Correct that file.")


def _column(name: str, given: Mapping[str, str]) -> ContractField:
    from crm_patterns.core.contracts import ContractField, FieldKind

    kind, scale = KINDS[next(iter(given))]
    return ContractField(name, name, FieldKind(kind), precision=None if scale is None else 38, scale=scale)


def _input(item: Mapping[str, Any]) -> MartInput:
    from crm_patterns.core.marts import Kept, MartInput

    return MartInput(
        name=item["name"],
        table=item["table"],
        object_name=item.get("object", ""),
        columns=tuple(item["columns"]),
        kept=Kept(item.get("kept", "current")),
        optional=bool(item.get("optional", False)),
    )
