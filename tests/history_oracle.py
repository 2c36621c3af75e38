"""
What a history must hold, said in another way than the MERGE says it: by asking, of every instant, what was known.

An observation is one record as one read saw it. At an instant, the version in force is the one with the latest stamp,
and of these the latest read, among those that had begun by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Observation:
    """`stamp`: the source's, or the read's where there is none. `gone_at`: when a tombstone says the record went."""

    stamp: datetime
    read_at: datetime
    value: str | None
    deleted: bool = False
    run_id: str = ""
    is_tombstone: bool = False
    gone_at: datetime | None = None
    has_stamp: bool = True

    @property
    def shows(self) -> tuple[object, ...]:
        """What makes it another version than the observation before it."""
        return (self.stamp if self.has_stamp else None, self.value, self.deleted)


@dataclass(frozen=True)
class Version:
    """A row of a history table, less the record's other columns."""

    value: str | None
    deleted: bool
    valid_from: datetime
    valid_to: datetime | None
    is_current: bool
    read_at: datetime
    run_id: str


def history(observations: Iterable[Observation]) -> list[Version]:
    """The versions of one record, in order."""
    seen = _changes(sorted(set(observations)))
    begun = [(_begins(seen, at), one) for at, one in enumerate(seen)]
    instants = sorted({begins for begins, _ in begun})
    in_force = [max(one for begins, one in begun if begins <= instant) for instant in instants]
    ranges = []
    for one, group in itertools.groupby(zip(instants, in_force, strict=True), key=lambda pair: pair[1]):
        ranges.append((next(group)[0], one))
    ends = [begins for begins, _ in ranges[1:]] + [None]
    return [
        Version(one.value, one.deleted, begins, end, end is None, one.read_at, one.run_id)
        for (begins, one), end in zip(ranges, ends, strict=True)
    ]


def _changes(observations: Sequence[Observation]) -> list[Observation]:
    """Of a value seen again and again, the first time."""
    return [next(group) for _, group in itertools.groupby(observations, key=lambda one: one.shows)]


def _begins(seen: Sequence[Observation], at: int) -> datetime:
    one = seen[at]
    if one.is_tombstone:
        return max(one.stamp, one.gone_at or one.read_at)
    if at and seen[at - 1].stamp == one.stamp:
        return max(one.stamp, one.read_at)
    return one.stamp


def broken_ranges(versions: Sequence[Version]) -> list[str]:
    """Gaps, overlaps, empty ranges and wrong marks of one record's versions in order; none in a sound history."""
    found = []
    for one, following in zip(versions, [*versions[1:], None], strict=True):
        if one.valid_to != (following.valid_from if following else None):
            found.append(f"{one} does not end where {following} begins")
        if one.valid_to is not None and one.valid_to <= one.valid_from:
            found.append(f"{one} has no length")
        if one.is_current != (following is None):
            found.append(f"{one} is marked wrongly")
    return found
