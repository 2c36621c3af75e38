"""What a column means, in one sentence: for the comments in the warehouse and for the data dictionary."""

from __future__ import annotations

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.own_columns import OwnColumn
from crm_patterns.core.policies import Policy

MOST_CHARACTERS = 500


def policy_of(field: ContractField) -> Policy:
    return Policy.HASH if field.hashed else Policy.PLAIN


def meaning_of(column: ContractField | OwnColumn) -> str:
    """`Work Email: how to reach them. From the field Email, hashed with key k12345678.` On one line, cut short."""
    if isinstance(column, OwnColumn):
        return _one_line(f"{column.means[:1].upper()}{column.means[1:]}. Made by the load.")
    said = ": ".join(_one_line(text).rstrip(".") for text in (column.label, column.help) if text.strip())
    hashed = f", hashed with key {column.hash_key}" if column.hash_key else ", hashed" if column.hashed else ""
    origin = f"From the field {column.name}{hashed}."
    most = MOST_CHARACTERS - len(origin) - 2
    return f"{said[:most]}. {origin}" if said else origin


def meaning_of_table(contract: ObjectContract, fingerprint: str) -> str:
    """The fingerprint is that of the columns' comments: while it stands there, they need not be written again."""
    return f"{contract.object_name} from {contract.source}, one row per record. Comments of columns: {fingerprint}."


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
