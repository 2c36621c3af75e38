"""What a run of the marketing pattern looks at: what changed since, and the records that wait for something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crm_patterns.core.changes import ChangeSet, Side

_SALESFORCE_ID_LENGTHS = (15, 18)


def by_side(record_ids: Iterable[str]) -> Mapping[Side, tuple[str, ...]]:
    """
    Record ids of both systems, told apart by their form: Salesforce's have 15 or 18 letters and digits and begin with
    a three-character prefix, the platforms' are whole numbers.
    """
    ids = sorted(set(record_ids))
    left = tuple(i for i in ids if len(i) in _SALESFORCE_ID_LENGTHS and i.isalnum() and not i.isdecimal())
    return {Side.LEFT: left, Side.RIGHT: tuple(i for i in ids if i.isdecimal())}


def only_to(changes: ChangeSet, systems: Iterable[str]) -> ChangeSet:
    """The part that writes to those systems, and what writes nothing outside."""
    wanted = set(systems)
    writes = set(changes.writes)
    return ChangeSet(tuple(change for change in changes if change not in writes or change.system in wanted))
