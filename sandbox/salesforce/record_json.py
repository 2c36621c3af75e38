"""Rows of a query → the JSON of REST records: attributes, nested parents, Salesforce's way of writing values."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from json import dumps
from json.encoder import encode_basestring
from typing import Any

from sandbox.salesforce.soql_plan import Link, SelectedColumn

PLAIN_BELOW = 10_000_000
"""From here on numbers are written with an exponent, as the original's doubles are."""

_FRACTIONAL = frozenset({"double", "currency", "percent"})
Encoder = Callable[[Any], str]


def number_text(value: Decimal | int | float) -> str:
    """`1000.0`, `1.25E7`; every digit kept."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if abs(number) < PLAIN_BELOW:
        text = f"{number.normalize():f}"
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = number.normalize().as_tuple()
    tail = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{tail}E{len(digits) - 1 + int(exponent)}"


def moment_text(value: datetime) -> str:
    """`2026-01-02T03:04:05.000+0000`, for a UTC moment with or without its zone."""
    return f"{value.replace(tzinfo=None, microsecond=0).isoformat()}.000+0000"


def encoder(kind: str) -> Encoder:
    """The function that writes a value of this Salesforce type, null included."""
    if kind in _FRACTIONAL:
        return lambda value: "null" if value is None else number_text(value)
    if kind == "address":
        return _address
    return _plain


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f'"{moment_text(value)}"'
    if isinstance(value, date):
        return f'"{value.isoformat()}"'
    if isinstance(value, time):
        return f'"{value.strftime("%H:%M:%S")}.000Z"'
    return number_text(value) if isinstance(value, Decimal) else dumps(value)


def _address(value: dict[str, Any] | None) -> str:
    if value is None or all(part is None for part in value.values()):
        return "null"
    return "{" + ",".join(f"{encode_basestring(name)}:{_plain(part)}" for name, part in value.items()) + "}"


class RecordWriter:
    """Writes rows with these columns; `links` say where the ids for `attributes` are (none for aggregates)."""

    def __init__(
        self, columns: Sequence[SelectedColumn], links: Sequence[Link], *, version: str, object_name: str
    ) -> None:
        self._base = f"/services/data/v{version}/sobjects"
        self._object = object_name
        self._links = {link.path: link for link in links}
        paths = [(column.path, position, encoder(column.type)) for position, column in enumerate(columns)]
        self._write = self._level((), paths)

    def record(self, row: Sequence[Any], more: str = "") -> str:
        """One record; `more` is JSON of further members (`,"Contacts":{…}`)."""
        text = self._write(row)
        return f"{text[:-1]}{more}}}" if more else text

    def _level(
        self, path: tuple[str, ...], columns: Sequence[tuple[tuple[str, ...], int, Encoder]]
    ) -> Callable[[Sequence[Any]], str]:
        members: dict[str, Callable[[Sequence[Any]], str]] = {}
        for column, position, encode in columns:
            name = column[len(path)]
            if len(column) == len(path) + 1:
                members[name] = _member(position, encode)
            elif name not in members:
                deeper = (*path, name)
                members[name] = self._level(deeper, [each for each in columns if each[0][: len(deeper)] == deeper])
        parts = [(f",{encode_basestring(name)}:", write) for name, write in members.items()]
        link = self._links.get(path)

        def write(row: Sequence[Any]) -> str:
            if link is None:
                head = f'{{"attributes":{{"type":"{self._object}"}}'
            elif (found := row[link.position]) is None:
                return "null"
            else:
                head = f'{{"attributes":{{"type":"{link.object_name}","url":"{self._base}/{link.object_name}/{found}"}}'
            return head + "".join([name + encode(row) for name, encode in parts]) + "}"

        return write


def _member(position: int, encode: Encoder) -> Callable[[Sequence[Any]], str]:
    return lambda row: encode(row[position])
