"""
Decisions of the drift audit: which share of an object is due, where a bucket ends, and what a difference is called.

Shares and buckets are ranges of ids: the id is always there, never changes, is indexed at the source, and both sides
order it alike. A share's bounds are fixed when a cycle begins, so that growth meanwhile moves no record past the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
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
    return replace(contract, fields=tuple(field for field in contract.fields if not field.computed))


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


def name_differences(contract: ObjectContract, rows: Iterable[Sequence[Any]]) -> Iterator[DriftFinding]:
    """
    Findings from the rows of `select_differences`: key, bucket, is missing, is gone, then for each column that is
    compared whether it differs, the warehouse's value and the source's, as text.
    """
    compared = compared_fields(contract)
    for key, bucket, is_missing, is_gone, *values in rows:
        if is_missing or is_gone:
            kind = DriftKind.MISSING if is_missing else DriftKind.GONE
            yield DriftFinding(kind, str(key), bucket=str(bucket))
            continue
        for field, differs, ours, theirs in zip(compared, values[0::3], values[1::3], values[2::3], strict=True):
            if differs:
                yield DriftFinding(
                    DriftKind.DIFFERENT, str(key), field.column, str(bucket), _shown(field, ours), _shown(field, theirs)
                )


def compared_fields(contract: ObjectContract) -> tuple[ContractField, ...]:
    return tuple(field for field in contract.fields if field.name != contract.key)


def _shown(field: ContractField, value: object) -> str | None:
    if value is None:
        return None
    return HIDDEN if field.hashed else str(value)[:SHOWN_CHARACTERS]


def unexplained(
    found: Iterable[DriftFinding], *, quarantined: Collection[str], deleted_since: Collection[str]
) -> list[DriftFinding]:
    """Without records that are set aside with a reason, and without those deleted at the source since the cutoff."""
    return [
        finding
        for finding in found
        if not (finding.kind is DriftKind.MISSING and finding.record_key in quarantined)
        and not (finding.kind is DriftKind.GONE and finding.record_key in deleted_since)
    ]


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


def silent_columns(contract: ObjectContract, found: Iterable[DriftFinding]) -> dict[str, int]:
    """Records by column whose value differs although their stamp does not."""
    differing = [finding for finding in found if finding.kind is DriftKind.DIFFERENT]
    moved = {finding.record_key for finding in differing if finding.column == contract.cursor_column}
    silent: dict[str, int] = {}
    for finding in differing:
        if finding.record_key not in moved:
            silent[finding.column] = silent.get(finding.column, 0) + 1
    return silent
