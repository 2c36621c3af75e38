"""How changes are put to Salesforce: inserted, updated, deleted, or upserted by a key. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from crm_patterns.clients.salesforce.target_wire import SObject
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.values import Value, is_blank


class Verb(StrEnum):
    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """`key` is the field by which an UPSERT finds a record."""

    verb: Verb
    key: str = ""

    def values(self, change: Change) -> Mapping[str, Value]:
        """What is sent of a change, its id apart. What is blank is left out of a new record."""
        if self.verb is Verb.DELETE:
            return {}
        if self.verb is Verb.UPDATE:
            return change.wanted
        given = {each.name: each.after for each in change.fields if not is_blank(each.after)}
        is_said = self.key in given or self.key.lower() in {name.lower() for name in given}
        if self.key and change.lookup is not None and not is_said:
            given[self.key] = change.lookup[1]
        return given


def operations(action: Action, changes: Sequence[Change], about: SObject) -> Iterator[tuple[Operation, list[Change]]]:
    """A create that is looked up by an external id is an upsert by it: sent twice, it makes one record."""
    if action is not Action.CREATE:
        yield Operation(Verb.DELETE if action is Action.DELETE else Verb.UPDATE), list(changes)
        return
    by_key: dict[str, list[Change]] = {}
    for change in changes:
        by_key.setdefault(_upsert_key(change, about), []).append(change)
    for key, some in sorted(by_key.items()):
        yield (Operation(Verb.UPSERT, key) if key else Operation(Verb.INSERT)), some


def _upsert_key(change: Change, about: SObject) -> str:
    if change.lookup is None or change.lookup[0].lower() not in about.keys or not change.lookup[1].strip():
        return ""
    return about.description.by_name[change.lookup[0].lower()].name


def key_twice(operation: Operation, changes: Sequence[Change]) -> list[Change]:
    """All but the first of those that share a key: Salesforce refuses both in one request, or keeps either."""
    seen: set[str] = set()
    again = []
    for change in changes if operation.verb is Verb.UPSERT else ():
        key = (change.lookup or ("", ""))[1].strip().casefold()
        if key in seen:
            again.append(change)
        seen.add(key)
    return again
