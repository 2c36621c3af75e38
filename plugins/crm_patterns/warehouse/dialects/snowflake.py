"""Snowflake's types, and what its connector must be told."""

from __future__ import annotations

import re

from crm_patterns.core.contracts import ContractField, FieldKind

NAME = "snowflake"

_PLAIN = {
    FieldKind.TEXT: "VARCHAR",  # no length: it costs nothing, and a field that grows at the source still fits
    FieldKind.BOOLEAN: "BOOLEAN",
    FieldKind.INTEGER: "NUMBER(38,0)",
    FieldKind.DATE: "DATE",
    FieldKind.TIMESTAMP: "TIMESTAMP_TZ",  # an instant, whatever the session's time zone
    FieldKind.TIME: "TIME",
}

_SYNONYMS = {"TEXT": "VARCHAR", "STRING": "VARCHAR"}
_ARGUMENTS_THAT_MATTER = re.compile(r"(NUMBER|DECIMAL|NUMERIC)\((\d+),\s*(\d+)\)")
_LENGTH = re.compile(r"(?:VARCHAR|TEXT|STRING)\((\d+)\)")
LONGEST_TEXT = 16_777_216


def column_type(field: ContractField) -> str:
    """The type in DDL. All 38 digits for a decimal: storage is the same, and only a scale that grows needs a change."""
    if field.kind is FieldKind.DECIMAL:
        return f"NUMBER(38,{field.scale or 0})"
    return _PLAIN[field.kind]


def canonical_type(described: str) -> str:
    """A type as `describe table` names it → as `column_type` writes it: `VARCHAR(16777216)` → `VARCHAR`."""
    number = _ARGUMENTS_THAT_MATTER.fullmatch(described.upper())
    if number:
        return f"NUMBER({number[2]},{number[3]})"
    length = _LENGTH.fullmatch(described.upper())
    if length and int(length[1]) < LONGEST_TEXT:
        return f"VARCHAR({length[1]})"
    bare = described.upper().partition("(")[0]
    return _SYNONYMS.get(bare, bare)


def is_wider(wanted: str, present: str) -> bool:
    """Whether ALTER may turn `present` into `wanted`: more digits at the same decimal places, or a longer text."""
    if wanted == "VARCHAR":
        return _LENGTH.fullmatch(present) is not None
    one, other = _ARGUMENTS_THAT_MATTER.fullmatch(wanted), _ARGUMENTS_THAT_MATTER.fullmatch(present)
    return one is not None and other is not None and one[3] == other[3] and int(one[2]) > int(other[2])
