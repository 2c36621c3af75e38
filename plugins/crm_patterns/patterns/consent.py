"""
Who must not be contacted: the most restrictive word over every record of a person wins, in every system.

Times do not matter, and a blank is not consent. A restriction is lifted only by evidence: someone said yes, where and
to which words is known, and it was after every restriction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """
    What one record of a person says: True restricts, False does not, None (or absent) is unknown.

    `email` is its key (`identity.email_key`); `linked_to` names records of other systems that are the same person.
    `since` is when a restriction was made, where that is known.
    """

    system: str
    object_name: str
    record_id: str
    email: str
    restrictions: Mapping[str, bool | None] = field(default_factory=dict)
    since: Mapping[str, datetime] = field(default_factory=dict)
    linked_to: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> tuple[str, str]:
        return self.system, self.record_id


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """Someone said yes: when, where, to which text. Without either it lifts nothing."""

    email: str
    restriction: str
    at: datetime
    source: str
    text_version: str

    @property
    def is_evidence(self) -> bool:
        return bool(self.source.strip() and self.text_version.strip())


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One restriction of one record that has to be set, or lifted, and because of which record or evidence."""

    record: ConsentRecord
    restriction: str
    value: bool
    reason: str


def align(records: Sequence[ConsentRecord], given: Iterable[ConsentGiven] = ()) -> Iterator[ConsentChange]:
    """
    What has to change for every record of a person to say the same, in the order of the records.

    Applying it and asking again changes nothing more. A record without a mail address and without links is alone.
    """
    yes = {(g.email, g.restriction): g for g in sorted(given, key=lambda g: g.at) if g.is_evidence}
    for person in people(records):
        names = sorted({name for record in person for name in record.restrictions})
        for name in names:
            yield from _aligned(person, name, [yes[key] for r in person if (key := (r.email, name)) in yes])


def _aligned(person: Sequence[ConsentRecord], name: str, given: Sequence[ConsentGiven]) -> Iterator[ConsentChange]:
    restricting = [record for record in person if record.restrictions.get(name)]
    if not restricting:
        return
    newest = max(given, key=lambda g: g.at, default=None)
    if newest is not None and all(name in r.since and r.since[name] < newest.at for r in restricting):
        for record in restricting:
            yield ConsentChange(
                record, name, value=False, reason=f"consent of {newest.at.isoformat()}, {newest.source}"
            )
        return
    first = restricting[0]
    because = f"{first.system} {first.object_name} {first.record_id} restricts, and the most restrictive wins"
    for record in person:
        if name in record.restrictions and not record.restrictions[name]:
            yield ConsentChange(record, name, value=True, reason=because)


def people(records: Sequence[ConsentRecord]) -> Sequence[Sequence[ConsentRecord]]:
    """The records of each person: joined by mail address or by link, over any number of steps."""
    above: dict[object, object] = {}

    def top(name: object) -> object:
        while (higher := above.setdefault(name, name)) != name:
            above[name] = name = above[higher]
        return name

    for record in records:
        for name in (*record.linked_to, *([record.email] if record.email else [])):
            above[top(name)] = top(record.place)
    persons: dict[object, list[ConsentRecord]] = defaultdict(list)
    for record in records:
        persons[top(record.place)].append(record)
    return list(persons.values())
