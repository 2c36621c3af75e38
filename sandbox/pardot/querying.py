"""Queries: fields, filters, order, pages that follow one another, and records as they are told."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.pardot.errors import PardotFault
from sandbox.pardot.kinds import KINDS, Kind
from sandbox.pardot.unit import Record, Unit, parse_stamp

LARGEST_PAGE, USUAL_PAGE, DEEPEST = 1000, 200, 3
_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "AfterOrEqualTo": lambda value, bound: value >= bound,
    "BeforeOrEqualTo": lambda value, bound: value <= bound,
    "After": lambda value, bound: value > bound,
    "Before": lambda value, bound: value < bound,
}
_KNOWN = frozenset({"fields", "limit", "orderBy", "deleted", "idGreaterThan", "idLessThan"})


@dataclass(frozen=True, slots=True)
class Query:
    """One chain of pages: what was asked first, and how far it has come."""

    kind: str
    asked: Mapping[str, str]
    limit: int
    order: str
    descending: bool
    after: tuple[Any, int] | None = None
    served: int = 0
    issued_at: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    values: list[Record]
    token: str | None
    warnings: list[str]


class Queries:
    """Remembers chains by their tokens, for as long as the process lives."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._chains: dict[str, Query] = {}

    def page(self, kind: Kind, asked: Mapping[str, str]) -> Page:
        """Raises PardotFault for what is not understood."""
        names = split_fields(asked)
        check_fields(self.unit, kind, names)
        query = self._resumed(kind, asked) if "nextPageToken" in asked else self._begun(kind, asked)
        found = self._selected(kind, query)
        left = self.unit.settings.chain_cap - query.served
        taken = found[: min(query.limit, left)]
        warnings = ["201 Some records are from the recycle bin"] if any(r.get("isDeleted") for r in taken) else []
        token = None
        if len(found) > len(taken):
            if left <= query.limit:
                warnings.append("203 The limit of records of a query was reached; go on from idGreaterThan")
            else:
                last = taken[-1]
                token = secrets.token_urlsafe(24)
                after = (last.get(query.order) or 0, last["id"])
                served = query.served + len(taken)
                self._chains[token] = replace(query, after=after, served=served, issued_at=self.unit.now())
        return Page([rendered(self.unit, kind, record, names) for record in taken], token, warnings)

    def _begun(self, kind: Kind, asked: Mapping[str, str]) -> Query:
        for name in asked:
            bare = next((name.removesuffix(end) for end in _BOUNDS if name.endswith(end)), "")
            if name in _KNOWN or name in kind.filters or bare in ("createdAt", "updatedAt"):
                continue
            raise PardotFault(71, f"{name} is no parameter of {kind.name}")
        limit = asked.get("limit", str(USUAL_PAGE))
        if not limit.isdigit() or not 1 <= int(limit) <= LARGEST_PAGE:
            raise PardotFault(71, f"limit must be from 1 to {LARGEST_PAGE}")
        order, _, direction = asked.get("orderBy", "id").partition(" ")
        if order not in ("id", "createdAt", "updatedAt"):
            raise PardotFault(71, f"orderBy {order}")
        if asked.get("deleted", "false") not in ("false", "true", "all"):
            raise PardotFault(71, "deleted is one of false, true and all")
        return Query(kind.name, dict(asked), int(limit), order, direction.lower() == "desc")

    def _resumed(self, kind: Kind, asked: Mapping[str, str]) -> Query:
        if extra := sorted(set(asked) - {"fields", "nextPageToken"}):
            raise PardotFault(71, f"nextPageToken cannot be combined with {', '.join(extra)}")
        query = self._chains.get(asked["nextPageToken"])
        if (
            query is None
            or query.kind != kind.name
            or self.unit.now() - query.issued_at > self.unit.settings.token_life_s
        ):
            raise PardotFault(71, "nextPageToken is not valid or has expired")
        return query

    def _selected(self, kind: Kind, query: Query) -> list[Record]:
        tests = list(self._tests(kind, query))
        candidates: Iterable[Record] = self.unit.records[kind.name].values()
        if kind.name == "prospects" and "email" in query.asked:
            ids = self.unit.by_email.get(query.asked["email"].strip().lower(), set())
            candidates = [self.unit.records["prospects"][each] for each in ids]
        found = [record for record in candidates if all(test(record) for test in tests)]

        def key(record: Record) -> tuple[Any, int]:
            return (record.get(query.order) or 0, record["id"])

        found.sort(key=key, reverse=query.descending)
        if query.after is not None:
            after = query.after
            found = [each for each in found if (key(each) < after if query.descending else key(each) > after)]
        return found

    def _tests(self, kind: Kind, query: Query) -> Iterable[Callable[[Record], bool]]:
        asked = query.asked
        which = asked.get("deleted", "false")
        if kind.has_bin and which != "all":
            yield lambda record: bool(record.get("isDeleted")) is (which == "true")
        if "idGreaterThan" in asked:
            lowest = _number(asked["idGreaterThan"])
            yield lambda record: record["id"] > lowest
        if "idLessThan" in asked:
            highest = _number(asked["idLessThan"])
            yield lambda record: record["id"] < highest
        for name, text in asked.items():
            if name in kind.filters and name != "email":
                yield lambda record, name=name, text=text: _same_id(str(record.get(name) or ""), text)  # type: ignore[misc]
                continue
            end = next((each for each in _BOUNDS if name.endswith(each)), None)
            if end is not None:
                bare, bound, compare = name.removesuffix(end), parse_stamp(text), _BOUNDS[end]
                yield lambda record, b=bare, m=bound, c=compare: c(record.get(b) or 0, m)  # type: ignore[misc]


def split_fields(asked: Mapping[str, str]) -> list[str]:
    """`fields` of a call. Raises the refusal of a call without."""
    names = [each.strip() for each in asked.get("fields", "").split(",") if each.strip()]
    if not names:
        raise PardotFault(71, "fields is required")
    return names


def check_fields(unit: Unit, kind: Kind, names: Iterable[str]) -> None:
    """Raises PardotFault for a name that the object does not have."""
    for name in names:
        at, parts = kind, name.split(".")
        if len(parts) > DEEPEST:
            raise PardotFault(71, f"{name} leads over more than {DEEPEST} levels")
        for part in parts[:-1]:
            if part not in at.relations:
                raise PardotFault(71, f"{name} is not a field of {kind.name}")
            at = KINDS[at.relations[part][1]]
        if parts[-1] not in unit.fields(at):
            raise PardotFault(71, f"{name} is not a field of {kind.name}")


def rendered(unit: Unit, kind: Kind, record: Record, names: Iterable[str]) -> Record:
    """A record with those fields, stamps in the API user's zone, related objects inside."""
    told: Record = {}
    for name in names:
        first, _, rest = name.partition(".")
        if not rest:
            value = record.get(name)
            kind_of = unit.fields(kind)[name]
            if kind_of == "datetime" and value is not None:
                value = unit.told(value)
            told[name] = bool(value) if kind_of == "boolean" else value
            continue
        key, target = kind.relations[first]
        other = unit.records[target].get(record.get(key) or 0)
        if other is None:
            told[first] = None
        else:
            told[first] = (told.get(first) or {}) | rendered(unit, KINDS[target], other, [rest])
    return told


def _number(text: str) -> int:
    if not text.isdigit():
        raise PardotFault(71, f"{text!r} is no id")
    return int(text)


def _same_id(one: str, other: str) -> bool:
    """Salesforce ids have 15 or 18 characters."""
    return one == other or (min(len(one), len(other)) == 15 and one[:15] == other[:15])
