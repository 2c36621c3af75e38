"""Fields of leads, and values as clients send them → what is stored, or why not."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from sandbox.clock import iso, parse_ms
from sandbox.marketo.errors import Reason

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[A-Za-z]{2,}")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of leads by its REST name. `length` counts characters."""

    name: str
    label: str
    type: str = "string"
    length: int | None = None
    readonly: bool = False
    search: bool = False
    lookup: bool = False

    def described(self) -> dict[str, Any]:
        """As describe2 lists it."""
        told: dict[str, Any] = {"name": self.name, "displayName": self.label, "dataType": self.type}
        if self.length is not None:
            told["length"] = self.length
        return told | {"updateable": not self.readonly, "crmManaged": False}


def load_fields() -> dict[str, Field]:
    listed = yaml.safe_load((Path(__file__).parent / "leads.yaml").read_text(encoding="utf-8"))
    return {name: Field(name=name, **given) for name, given in listed.items()}


def stored(field: Field, value: Any) -> Any:
    """What is kept of a value; None clears. Raises Reason 1003 where it does not fit the type."""
    if field.readonly:
        raise Reason("1014", f"Field '{field.name}' is read only")
    if value is None or value == "":
        return None
    try:
        return _BY_TYPE.get(field.type, _text)(field, value)
    except (ValueError, TypeError, OverflowError):
        raise Reason("1003", f"Invalid data for field '{field.name}': {str(value)[:60]}") from None


def _text(field: Field, value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if field.length is not None and len(text) > field.length:
        raise ValueError(text)
    return text


def _email(field: Field, value: Any) -> str:
    text = _text(field, value).strip()
    if not text.isascii() or not _EMAIL.fullmatch(text):
        raise ValueError(text)
    return text


def _whole(_field: Field, value: Any) -> int:
    number = float(value)
    if isinstance(value, bool) or number != int(number) or abs(number) > 2**31:
        raise ValueError(value)
    return int(number)


def _number(_field: Field, value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or number != number or abs(number) == float("inf"):
        raise ValueError(value)
    return number


def _boolean(_field: Field, value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(value)
    return text in _TRUE


def _date(_field: Field, value: Any) -> str:
    return date.fromisoformat(str(value)[:10]).isoformat()


def _datetime(_field: Field, value: Any) -> str:
    """Whole seconds, as Marketo gives them back."""
    return second(parse_ms(str(value)))


def second(stamp_ms: int) -> str:
    """`2026-01-02T03:04:05Z`."""
    return f"{iso(stamp_ms)[:19]}Z"


_BY_TYPE = {"email": _email, "integer": _whole, "score": _whole, "currency": _number, "float": _number,
            "boolean": _boolean, "date": _date, "datetime": _datetime}  # fmt: skip
