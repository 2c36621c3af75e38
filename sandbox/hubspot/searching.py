"""`POST /crm/v3/objects/{type}/search`: filters, one sort, pages, and no more than 10,000 records of any question."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.clock import parse_ms
from sandbox.hubspot.errors import malformed
from sandbox.hubspot.records import Record
from sandbox.hubspot.schema import Property
from sandbox.hubspot.search_index import SearchIndex, after_id

REACHABLE = 10_000
LONGEST_BODY = 3_000
MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
LARGEST_PAGE, USUAL_PAGE = 200, 10
_SEARCHED = {"contacts": ("email", "firstname", "lastname", "phone", "company"), "companies": ("name", "domain", "website", "phone")}  # noqa: E501 # fmt: skip

Comparable = float | str
Test = Callable[[Record], bool]


class Found:
    """One page: records, how many there are in all, and where the next page begins (None: nowhere)."""

    def __init__(self, records: Sequence[Record], total: int, after: str | None) -> None:
        self.records = records
        self.total = total
        self.after = after


def search(index: SearchIndex, asked: Mapping[str, Any], *, body_length: int) -> Found:
    """Answer a search as the index knows the records now. Raises HubSpotFault where HubSpot refuses it."""
    if body_length > LONGEST_BODY:
        raise malformed(f"Search request body must be at most {LONGEST_BODY} characters")
    groups, limit, start = _groups(asked), _limit(asked), _start(asked)
    if start + limit > REACHABLE:
        raise malformed(f"There was a problem with the request. Paging past {REACHABLE} results is not supported.")
    by, descending = _sort(asked)
    groups, last_id = _without_last_id(groups, by, descending=descending)
    question = json.dumps([groups, by, descending, asked.get("query")], sort_keys=True)
    tests = [[_test(index, each) for each in group] for group in groups]
    words = str(asked.get("query") or "").lower().split()

    def accepts(record: Record) -> bool:
        hit = not tests or any(all(test(record) for test in group) for group in tests)
        return hit and (not words or _has_words(index, record, words))

    def order(records: Sequence[Record]) -> list[Record]:
        key = _sort_key(index, by)
        return sorted(sorted(records, key=lambda record: record.id), key=key, reverse=descending)

    found = index.answer(question, accepts=accepts, order=order)
    if last_id is not None:
        found = after_id(found, last_id)
    end = start + limit
    return Found(found[start:end], len(found), str(end) if end < len(found) else None)


def _groups(asked: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    groups = [list(group.get("filters") or []) for group in asked.get("filterGroups") or []]
    if len(groups) > MOST_GROUPS or sum(map(len, groups)) > MOST_IN_ALL or any(len(g) > MOST_FILTERS for g in groups):
        raise malformed(f"Too many filters: at most {MOST_GROUPS} groups, {MOST_FILTERS} in one, {MOST_IN_ALL} in all")
    return groups


def _limit(asked: Mapping[str, Any]) -> int:
    limit = int(asked.get("limit") or USUAL_PAGE)
    if not 1 <= limit <= LARGEST_PAGE:
        raise malformed(f"limit must be between 1 and {LARGEST_PAGE}, not {limit}")
    return limit


def _start(asked: Mapping[str, Any]) -> int:
    after = str(asked.get("after") or "0")
    if not after.isdigit():
        raise malformed(f"after is not a number: {after}")
    return int(after)


def _sort(asked: Mapping[str, Any]) -> tuple[str, bool]:
    sorts = asked.get("sorts") or []
    if len(sorts) > 1:
        raise malformed("Only one sort is supported")
    if not sorts:
        return "hs_object_id", False
    if isinstance(sorts[0], str):
        return sorts[0].removeprefix("-"), sorts[0].startswith("-")
    return str(sorts[0]["propertyName"]), sorts[0].get("direction") == "DESCENDING"


def _without_last_id(
    groups: list[list[dict[str, Any]]], by: str, *, descending: bool
) -> tuple[list[list[dict[str, Any]]], int | None]:
    """Take `hs_object_id GT n` out of an only group in order of ids: the pages of one question share one answer."""
    if len(groups) != 1 or by != "hs_object_id" or descending:
        return groups, None
    marks = [each for each in groups[0] if each.get("propertyName") == "hs_object_id" and each.get("operator") == "GT"]
    if len(marks) != 1 or not str(marks[0].get("value", "")).isdigit():
        return groups, None
    return [[each for each in groups[0] if each is not marks[0]]], int(marks[0]["value"])


def _sort_key(index: SearchIndex, by: str) -> Callable[[Record], tuple[int, float, str]]:
    known = index.properties.get(by)

    def key(record: Record) -> tuple[int, float, str]:
        value = record.value(by, index.type.modified)
        if value is None:
            return (0, 0.0, "")
        comparable = _comparable(known, value)
        return (1, 0.0, comparable) if isinstance(comparable, str) else (1, comparable, "")

    return key


def _has_words(index: SearchIndex, record: Record, words: Sequence[str]) -> bool:
    text = " ".join(record.properties.get(name, "") for name in _SEARCHED[index.type.name]).lower()
    return all(word in text for word in words)


def _test(index: SearchIndex, asked: Mapping[str, Any]) -> Test:
    name, operator = str(asked.get("propertyName")), str(asked.get("operator"))
    known, modified = index.properties.get(name), index.type.modified
    if operator not in _OPERATORS:
        raise malformed(f"Invalid operator: {operator}")
    try:
        compare = _OPERATORS[operator](known, asked)
    except (KeyError, ValueError, TypeError) as error:
        raise malformed(f"Invalid filter on {name}: {error}") from error
    if name == modified:  # the usual question, on integers
        return lambda record: compare(float(record.updated_ms))

    def test(record: Record) -> bool:
        value = record.value(name, modified)
        return compare(None if value is None else _comparable(known, value))

    return test


Compare = Callable[[Comparable | None], bool]


def _comparable(known: Property | None, value: str) -> Comparable:
    """Numbers and stamps as numbers, other text in lower case: search does not tell cases apart."""
    kind = known.type if known else "string"
    try:
        if kind == "number":
            return float(value)
        if kind in ("date", "datetime"):
            return float(parse_ms(value))
    except ValueError:
        pass
    return value.lower()


def _against(test: Callable[[Any, Any], bool]) -> Callable[[Property | None, Mapping[str, Any]], Compare]:
    def make(known: Property | None, asked: Mapping[str, Any]) -> Compare:
        wanted = _comparable(known, str(asked["value"]))
        return lambda value: value is not None and type(value) is type(wanted) and test(value, wanted)

    return make


def _between(known: Property | None, asked: Mapping[str, Any]) -> Compare:
    low, high = (_comparable(known, str(asked[name])) for name in ("value", "highValue"))
    return lambda value: value is not None and low <= value <= high  # type: ignore[operator]


def _among(known: Property | None, asked: Mapping[str, Any]) -> frozenset[Comparable]:
    # The values of an IN on text must come in lower case; others are never found.
    if known is None or known.type in ("string", "phone_number"):
        return frozenset(map(str, asked["values"]))
    return frozenset(_comparable(known, str(value)) for value in asked["values"])


def _in(known: Property | None, asked: Mapping[str, Any]) -> Compare:
    values = _among(known, asked)
    return lambda value: value in values


def _not_in(known: Property | None, asked: Mapping[str, Any]) -> Compare:
    values = _among(known, asked)
    return lambda value: value not in values


def _has_token(_known: Property | None, asked: Mapping[str, Any]) -> Compare:
    word = str(asked["value"]).lower().strip("*")
    return lambda value: value is not None and word in str(value)


def _lacks_token(known: Property | None, asked: Mapping[str, Any]) -> Compare:
    has = _has_token(known, asked)
    return lambda value: not has(value)


_OPERATORS: dict[str, Callable[[Property | None, Mapping[str, Any]], Compare]] = {
    "EQ": _against(lambda value, wanted: value == wanted),
    "NEQ": _against(lambda value, wanted: value != wanted),
    "LT": _against(lambda value, wanted: value < wanted),
    "LTE": _against(lambda value, wanted: value <= wanted),
    "GT": _against(lambda value, wanted: value > wanted),
    "GTE": _against(lambda value, wanted: value >= wanted),
    "BETWEEN": _between,
    "IN": _in,
    "NOT_IN": _not_in,
    "HAS_PROPERTY": lambda _known, _asked: lambda value: value is not None,
    "NOT_HAS_PROPERTY": lambda _known, _asked: lambda value: value is None,
    "CONTAINS_TOKEN": _has_token,
    "NOT_CONTAINS_TOKEN": _lacks_token,
}
