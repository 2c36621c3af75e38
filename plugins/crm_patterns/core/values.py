"""
Values of single fields: their text in a plan, and a fingerprint by which they are recognised again.

A blank text is no value: every value here is either something or None. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.fingerprints import fingerprint

Value = str | bool | int | Decimal | date | datetime | time | None


def kind_of(value: Value) -> FieldKind:
    """The kind that `value_of` needs to read `text_of` back."""
    for kind, types in _KINDS:
        if isinstance(value, types):
            return kind
    return FieldKind.TEXT


def text_of(value: Value) -> str | None:
    """
    One text per value: equal values have equal texts, different ones of a kind different ones.

    A decimal loses trailing zeros, which carry no value; a time is given in UTC. ValueError for a time without a zone.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case Decimal():
            digits = f"{value:f}"  # exact: `normalize` would round to the context's precision
            plain = digits.rstrip("0").rstrip(".") if "." in digits else digits
            return "0" if value == 0 else plain
        case datetime():
            if value.tzinfo is None:
                raise ValueError(f"The time {value.isoformat()} carries no zone.")
            return value.astimezone(UTC).isoformat()
        case date() | time():
            return value.isoformat()
    return str(value)


def value_of(text: str | None, kind: FieldKind) -> Value:
    """What `text_of` wrote. ValueError where the text is none of that kind."""
    if text is None:
        return None
    match kind:
        case FieldKind.BOOLEAN:
            if text not in ("true", "false"):
                raise ValueError(f"{text!r} is neither true nor false.")
            return text == "true"
        case FieldKind.INTEGER:
            return int(text)
        case FieldKind.DECIMAL:
            return _decimal(text)
        case FieldKind.TIMESTAMP:
            return datetime.fromisoformat(text).astimezone(UTC)
        case FieldKind.DATE:
            return date.fromisoformat(text)
        case FieldKind.TIME:
            return time.fromisoformat(text)
    return text


def is_blank(value: Value) -> bool:
    """None, or a text of nothing but white space."""
    return value is None or (isinstance(value, str) and not value.strip())


def print_of(value: Value) -> str:
    """Fingerprint (SHA-256) of a value, for comparing with what was agreed without keeping it. All blanks have one."""
    return fingerprint(None if is_blank(value) else text_of(value))


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as wrong:
        raise ValueError(f"{text!r} is not a number.") from wrong


_KINDS: tuple[tuple[FieldKind, type | tuple[type, ...]], ...] = (
    (FieldKind.BOOLEAN, bool),
    (FieldKind.INTEGER, int),
    (FieldKind.DECIMAL, Decimal),
    (FieldKind.TIMESTAMP, datetime),
    (FieldKind.DATE, date),
    (FieldKind.TIME, time),
)
