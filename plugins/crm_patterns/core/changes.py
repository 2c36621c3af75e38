"""
What is to be written to another system, field by field, and what became of each record.

A change set is data: it can be staged, read by a person, gated, applied, verified and turned round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import groupby

from crm_patterns.core.errors import StopRun
from crm_patterns.core.fingerprints import fingerprint
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.values import Value, text_of


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    LINK = "link"  # nothing is written outside: both sides are found to belong together, or to agree already


class Side(StrEnum):
    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    What both sides of a link hold of a field once this change is done, as fingerprints (`values.print_of`).

    They need not be equal: each side may have its own form of a value, or keep what it has. `written` is the side
    that the change writes to; `before` is what that side held until then. Where nothing is written both are empty.
    """

    left: str
    right: str
    written: str = ""
    before: str = ""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """
    One field of a record, in the target's own name and form: the value before and after, why, by which rule.

    `rule` names the setting that decided; `agreement` says what is agreed with it, where the record is linked.
    """

    name: str
    before: Value
    after: Value
    reason: str = ""
    rule: str = ""
    agreement: Agreement | None = None
    agreed_as: str = ""  # the name that both sides' agreement has, where it is not the field's own

    @property
    def agreed_name(self) -> str:
        return self.agreed_as or self.name


@dataclass(frozen=True, slots=True)
class LinkEnds:
    """The two records that belong together. The id that a CREATE will give is empty until then."""

    link_id: str
    pairing: str
    left_object: str
    left_id: str
    right_object: str
    right_id: str

    def id_of(self, side: Side) -> str:
        return self.left_id if side is Side.LEFT else self.right_id

    def filled(self, record_id: str) -> LinkEnds:
        """With the id of the record that was created in the place that was empty."""
        if not self.left_id:
            return replace(self, left_id=record_id)
        return replace(self, right_id=record_id) if not self.right_id else self


@dataclass(frozen=True)
class Change:
    """
    One write to one record of one system.

    `key` names the record within its object in this change set: the record's id, or for a CREATE the key of ours that
    it is created for. `lookup` is the unique field, and its value, by which the record is found when an answer was
    lost; a CREATE has one wherever the target knows such a field. `group` is the parent, so that changes that lock
    the same row can be sent side by side.
    """

    system: str
    object_name: str
    action: Action
    key: str
    record_id: str = ""
    fields: tuple[FieldChange, ...] = ()
    lookup: tuple[str, str] | None = None
    link: LinkEnds | None = None
    group: str = ""

    @cached_property
    def change_id(self) -> str:
        """The same for the same content, in any run: 64 hexadecimal digits."""
        values = [[f.name, text_of(f.before), text_of(f.after)] for f in sorted(self.fields, key=lambda f: f.name)]
        return fingerprint([self.system, self.object_name, self.action, self.key, self.record_id, values])

    @property
    def wanted(self) -> Mapping[str, Value]:
        return {each.name: each.after for each in self.fields}

    @property
    def blanks(self) -> int:
        """How many fields lose a value by it."""
        return sum(1 for each in self.fields if each.after is None and each.before is not None)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """
    Changes in the order of system, object, group and key: at most one per record, each field at most once.

    StopRun where that does not hold, or where an update says nothing new: the planner would be at fault.
    """

    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, changes: Iterable[Change]) -> ChangeSet:
        ordered = tuple(sorted(changes, key=lambda c: (c.system, c.object_name, c.group, c.key)))
        _refuse_contradictions(ordered)
        return cls(ordered)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def writes(self) -> tuple[Change, ...]:
        """Those that change something outside."""
        return tuple(change for change in self.changes if change.action is not Action.LINK)

    def by_target(self) -> Iterator[tuple[tuple[str, str], tuple[Change, ...]]]:
        """((system, object), its changes), in order."""
        for target, some in groupby(self.changes, key=lambda c: (c.system, c.object_name)):
            yield target, tuple(some)


class Fate(StrEnum):
    """What became of one record."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """
    The end of one change. A REJECTED one says why in a sentence, which rule and field, and which values are allowed.

    A DEFERRED one may be accepted in a while.
    """

    change_id: str
    fate: Fate
    record_id: str = ""
    reason: str = ""
    rule: str = ""
    field_name: str = ""
    allowed: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        return self.fate not in (Fate.REJECTED, Fate.DEFERRED)


def tally_of(outcomes: Iterable[RecordOutcome]) -> Tally:
    """Every record counted once, as read and by its fate."""
    counts = Counter(outcome.fate for outcome in outcomes)
    return Tally(read=sum(counts.values()), **{fate.value: number for fate, number in counts.items()})


def _refuse_contradictions(changes: tuple[Change, ...]) -> None:
    seen: set[tuple[str, str, str]] = set()
    for change in changes:
        place = f"{change.system} {change.object_name} {change.key}"
        record = (change.system, change.object_name, change.key)
        names = [each.name.lower() for each in change.fields]
        if record in seen:
            raise StopRun(f"The plan changes {place} twice.", fix="This is a fault of the planner; please report it.")
        if len(set(names)) < len(names):
            raise StopRun(f"The plan sets a field of {place} twice: {sorted(names)}.", fix="Map each field once.")
        if change.action is Action.UPDATE and all(each.before == each.after for each in change.fields):
            raise StopRun(f"The plan updates {place} with what it holds.", fix="This is a fault of the planner.")
        seen.add(record)
