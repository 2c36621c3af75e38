"""SOQL texts. Pure: requests in, text out; every name is checked, because it becomes part of the statement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from crm_patterns.core.errors import StopRun
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import ReadRequest

IDS_PER_QUERY = 400
"""An Id takes 27 characters in an encoded URL, and URI and headers together may take about 16,000."""

LONGEST_STATEMENT = 10_000
"""Characters of a statement in an encoded URL, with the same limit in mind."""

_ESCAPES = {"\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}

_NAME = re.compile(r"[A-Za-z0-9_]+")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")


ARCHIVED = frozenset({"Task", "Event"})
"""Salesforce moves old activities out of sight of plain queries; only queryAll shows them. "Object Reference": Task."""


def asks_all(request: ReadRequest) -> bool:
    """Whether the request goes to queryAll: for deleted records, or for records that may be archived."""
    return request.include_deleted or request.object_name in ARCHIVED


def select(request: ReadRequest) -> str:
    """The request's rows, unsorted: sorting would switch off the server's own chunking of bulk queries."""
    fields = ", ".join(_checked(name) for name in request.fields)
    return f"SELECT {fields} FROM {_checked(request.object_name)}{_where(request)}"  # noqa: S608 - all names are checked


def count(request: ReadRequest) -> str:
    return f"SELECT COUNT() FROM {_checked(request.object_name)}{_where(request)}"  # noqa: S608 - all names are checked


def field_names(object_name: str) -> str:
    """Of the Tooling API: every field's API name, whoever may read it. The filter is one that it demands."""
    owner = _checked(object_name)
    return f"SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = '{owner}'"  # noqa: S608 - checked


def any_key(request: ReadRequest) -> str:
    """One record's Id, where the window holds any."""
    return f"SELECT Id FROM {_checked(request.object_name)}{_where(request)} LIMIT 1"  # noqa: S608 - all names are checked


def cursors_of(object_name: str, *, cursor: str, keys: Sequence[str]) -> Iterator[str]:
    """As many statements as it takes to ask for all the keys within the limit on a URL's length."""
    yield from by_ids(object_name, ("Id", cursor), keys)


def by_ids(object_name: str, fields: Sequence[str], keys: Sequence[str]) -> Iterator[str]:
    """As many statements as it takes to ask for all the keys."""
    selected = ", ".join(_checked(name) for name in fields)
    for some in pieces(keys, IDS_PER_QUERY):
        wanted = ",".join(f"'{_checked_id(key)}'" for key in some)
        yield f"SELECT {selected} FROM {_checked(object_name)} WHERE Id IN ({wanted})"  # noqa: S608 - all checked


def literal(moment: datetime) -> str:
    """A date-time literal in UTC: `2026-01-02T03:04:05Z`, with milliseconds where there are any."""
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def _where(request: ReadRequest) -> str:
    living = ["IsDeleted = false"] if asks_all(request) and not request.include_deleted else []
    conditions = [*_window(request), *_keys(request), *living]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _window(request: ReadRequest) -> Iterator[str]:
    if request.cursor is None:
        return
    cursor, window = _checked(request.cursor), request.window
    if window.start:
        yield f"{cursor} >= {literal(window.start)}"
    yield f"{cursor} < {literal(window.end)}"


def _keys(request: ReadRequest) -> Iterator[str]:
    """The server compares Ids as the text of their first 15 characters, and has an index for it."""
    keys = request.keys
    if keys and keys.first:
        yield f"Id >= '{_checked_id(keys.first)}'"
    if keys and keys.end:
        yield f"Id < '{_checked_id(keys.end)}'"


def is_name(text: str) -> bool:
    """Letters, digits and underscores: safe in a statement and in a path."""
    return _NAME.fullmatch(text) is not None


def _checked(name: str) -> str:
    if not is_name(name):
        raise StopRun(f"{name!r} is not a Salesforce name.", fix="Use the API name: letters, digits and underscores.")
    return name


def _checked_id(key: str) -> str:
    if not _ID.fullmatch(key):
        raise StopRun(f"{key!r} is not a Salesforce record id (15 or 18 letters and digits).")
    return key


def by_value(
    object_name: str,
    fields: Sequence[str],
    field_name: str,
    values: Sequence[str],
    *,
    also: str = "",
    quoted: bool = True,
) -> Iterator[str]:
    """
    As many statements as it takes to ask for all the values within the limit on a URL's length.

    `also`: a further condition of our own making. Values that are not `quoted` have to be numbers, dates and the like.
    """
    start = f"SELECT {', '.join(_checked(name) for name in fields)} FROM {_checked(object_name)}"  # noqa: S608 - checked
    where, end = f"{start} WHERE {_checked(field_name)} IN (", f"){f' AND {also}' if also else ''}"
    room = LONGEST_STATEMENT - len(quote(where + end, safe=""))
    some: list[str] = []
    taken = 0
    for value in values:
        text = text_literal(value) if quoted else value
        size = len(quote(text, safe="")) + len("%2C")
        if some and taken + size > room:
            yield where + ",".join(some) + end
            some, taken = [], 0
        some.append(text)
        taken += size
    if some:
        yield where + ",".join(some) + end


def text_literal(text: str) -> str:
    """A text between quotes, escaped as "SOQL and SOSL Reference", Reserved Characters, says."""
    escaped = "".join(_ESCAPES.get(char, char) for char in text)
    return f"'{escaped}'"
