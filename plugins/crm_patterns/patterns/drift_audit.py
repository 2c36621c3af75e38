"""
Decisions of the drift audit: which share of an object is due, where a bucket ends, and what a difference is called.

Shares and buckets are ranges of ids: the id is always there, never changes, is indexed at the source, and both sides
order it alike. A share's bounds are fixed when a cycle begins, so that growth meanwhile moves no record past the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.drift import AuditCycle, AuditShare, DriftFinding, DriftKind, Settlement
from crm_patterns.core.ports import KeyRange

ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""In the order of their codes, which is the order that ids have at the source and in the warehouse."""

ID_LENGTH = 15
"""Characters of an id that count; the other three only check them."""

SHOWN_CHARACTERS = 200
HIDDEN = "(hidden)"


def is_over(cycle: AuditCycle | None) -> bool:
    """Whether a new cycle has to begin."""
    return cycle is None or cycle.proven >= cycle.slices


def due_share(cycle: AuditCycle, *, now: datetime, cutoff: datetime) -> AuditShare:
    """The next slice and those of the days that were missed: after as many days as there are slices, all are done."""
    days = (now - cycle.started_at).days
    end = min(cycle.slices, max(cycle.proven, days) + 1)
    return share_of(cycle, cycle.proven, end, cutoff=cutoff)


def share_of(cycle: AuditCycle, first: int, end: int, *, cutoff: datetime) -> AuditShare:
    """The slices from `first` to before `end`."""
    bounds = ("", *cycle.boundaries, "")
    return AuditShare(cycle.started_at, first, end, bounds[first], bounds[end], cutoff)


def audit_contract(contract: ObjectContract) -> ObjectContract:
    """What is compared: all but the computed fields, which change without a stamp and are refreshed on their own."""
    return replace(contract, fields=tuple(each for each in contract.fields if not each.computed))


def bucket_range(bucket: str) -> KeyRange:
    """All ids that begin with the bucket's characters."""
    fill = ID_LENGTH - len(bucket)
    following = _successor(bucket)
    return KeyRange(bucket + ID_CHARACTERS[0] * fill, following and following + ID_CHARACTERS[0] * fill)


def _successor(prefix: str) -> str:
    """The next prefix of the same length; empty after the last."""
    head, last = prefix[:-1], prefix[-1:]
    if not last:
        return ""
    at = ID_CHARACTERS.index(last) + 1
    if at < len(ID_CHARACTERS):
        return head + ID_CHARACTERS[at]
    carried = _successor(head)
    return carried and carried + ID_CHARACTERS[0]


@dataclass(frozen=True, slots=True)
class Counted:
    """
    Records that are missing or gone, and per column those that differ. `silent`: those whose stamp is the same.

    Columns in which nothing differs are left out.
    """

    missing: int = 0
    gone: int = 0
    differing: Mapping[str, int] = field(default_factory=dict)
    silent: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.missing + self.gone + sum(self.differing.values())


def counted(contract: ObjectContract, row: Sequence[Any]) -> Counted:
    """From the row of `count_differences`."""
    missing, gone, *numbers = (int(number or 0) for number in row)
    columns = [compared.column for compared in compared_fields(contract)]
    return Counted(
        missing,
        gone,
        {column: rows for column, rows in zip(columns, numbers[0::2], strict=True) if rows},
        {column: rows for column, rows in zip(columns, numbers[1::2], strict=True) if rows},
    )


@dataclass(frozen=True, slots=True)
class Naming:
    """What is looked up to be named: `whole` records that are missing or gone, and columns; at most `rows` records."""

    whole: frozenset[DriftKind]
    columns: frozenset[str]
    rows: int


def what_to_name(found: Counted, *, most: int, set_aside: int = 0) -> list[Naming]:
    """
    Everything that is rare, the rarest first, as long as it fits into `most`; then what is left of `most` for the rest.

    So one value is named that differs in another column than a hundred thousand do. Up to `set_aside` of the missing
    records are explained and not counted.
    """
    sizes: dict[DriftKind | str, int] = {DriftKind.MISSING: found.missing, DriftKind.GONE: found.gone}
    sizes = {kind: rows for kind, rows in {**sizes, **found.differing}.items() if rows}
    costs = {kind: max(0, rows - set_aside) if kind is DriftKind.MISSING else rows for kind, rows in sizes.items()}
    rare: list[DriftKind | str] = []
    common = sorted(sizes, key=lambda kind: (costs[kind], kind))
    while common and costs[common[0]] <= most:
        most -= costs[common[0]]
        rare.append(common.pop(0))
    spare = set_aside if DriftKind.MISSING in common else 0
    given = [(rare, sum(sizes[kind] for kind in rare)), (common, max(1, most // max(1, len(common))) + spare)]
    return [_naming(kinds, rows) for kinds, rows in given if kinds]


def _naming(kinds: Iterable[DriftKind | str], rows: int) -> Naming:
    whole = frozenset(kind for kind in kinds if isinstance(kind, DriftKind))
    return Naming(whole, frozenset(kind for kind in kinds if not isinstance(kind, DriftKind)), rows)


def name_differences(fields: Sequence[ContractField], rows: Iterable[Sequence[Any]]) -> Iterator[DriftFinding]:
    """
    Findings from the rows of `select_differences`: key, bucket, is missing, is gone, then for each of the fields
    whether it differs, the warehouse's value and the source's, as text.
    """
    for key, bucket, is_missing, is_gone, *values in rows:
        if is_missing or is_gone:
            kind = DriftKind.MISSING if is_missing else DriftKind.GONE
            yield DriftFinding(kind, str(key), bucket=str(bucket))
            continue
        for named, differs, ours, theirs in zip(fields, values[0::3], values[1::3], values[2::3], strict=True):
            if differs:
                yield DriftFinding(
                    DriftKind.DIFFERENT, str(key), named.column, str(bucket), _shown(named, ours), _shown(named, theirs)
                )


def compared_fields(contract: ObjectContract) -> tuple[ContractField, ...]:
    return tuple(each for each in contract.fields if each.name != contract.key)


def _shown(named: ContractField, value: object) -> str | None:
    if value is None:
        return None
    return HIDDEN if named.hashed else str(value)[:SHOWN_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Differences:
    """All of them counted, and those that are named; `explained` are counted, but are none."""

    counted: Counted
    named: list[DriftFinding] = field(default_factory=list)
    explained: int = 0

    @property
    def total(self) -> int:
        return self.counted.total - self.explained

    @property
    def unnamed(self) -> int:
        return max(0, self.total - len(self.named))


@dataclass(frozen=True, slots=True)
class Explained:
    """Keys of records that may differ: set aside with a reason, or deleted at the source since the cutoff."""

    quarantined: frozenset[str]
    deleted_since: frozenset[str] = frozenset()

    def less(self, found: Differences) -> Differences:
        """Without those."""
        named = [finding for finding in found.named if not self._explains(finding)]
        return replace(found, named=named, explained=len(found.named) - len(named))

    def _explains(self, finding: DriftFinding) -> bool:
        missing = finding.kind is DriftKind.MISSING and finding.record_key in self.quarantined
        return missing or (finding.kind is DriftKind.GONE and finding.record_key in self.deleted_since)


def settle(before: Iterable[DriftFinding], after: Iterable[DriftFinding]) -> list[DriftFinding]:
    """What became of each finding, told by what is found after the repair. What is only found then remains as well."""
    still = {(finding.record_key, finding.column): finding for finding in after}
    settled = {}
    for finding in before:
        place = (finding.record_key, finding.column)
        state = Settlement.REMAINS if place in still else Settlement.REPAIRED
        settled[place] = replace(finding, settlement=state)
    for place, finding in still.items():
        settled.setdefault(place, replace(finding, settlement=Settlement.REMAINS))
    return list(settled.values())
