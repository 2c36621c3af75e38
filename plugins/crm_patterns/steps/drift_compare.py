"""What was read of the source, in a table of its attempt, beside the table that people query: what differs?"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.drift import AuditShare, DriftFinding, DriftKind
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import KeyRange, Table, Warehouse
from crm_patterns.patterns.drift_audit import (
    Differences,
    Naming,
    compared_fields,
    counted,
    name_differences,
    what_to_name,
)

log = logging.getLogger(__name__)

WHOLE_KEY = 18
"""A bucket of so many characters of the id is one record."""
KEYS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    How to compare, and how much of it to name. `digits`: characters of an id that make a bucket. More than
    `max_buckets` bad ones are not listed one by one, and more than `max_findings` differences are not named.
    """

    target: Table
    attempt_schema: str
    digits: int
    max_buckets: int
    max_findings: int


@dataclass(frozen=True, slots=True)
class BadBuckets:
    """`first`: as many of them as are listed."""

    total: int = 0
    first: tuple[str, ...] = ()

    @property
    def listed(self) -> tuple[str, ...] | None:
        """All of them; None where they are too many for that."""
        return self.first if self.total == len(self.first) else None


@dataclass(frozen=True, slots=True)
class Beside:
    """An attempt beside the table, within a share. The warehouse compares; few rows come here, whatever differs."""

    warehouse: Warehouse
    contract: ObjectContract
    share: AuditShare
    how: Comparison
    attempt: Table

    def bad_buckets(self) -> BadBuckets:
        rows = self._run("select_bad_buckets", None, most=self.how.max_buckets)
        for bucket, ours, theirs, _ in rows[:20]:
            log.info("Bucket %s differs: %s rows in the warehouse, %s at the source.", bucket, ours, theirs)
        return BadBuckets(int(rows[0][3]), tuple(str(row[0]) for row in rows)) if rows else BadBuckets()

    def differences(self, buckets: Sequence[str] | None, *, set_aside: int) -> Differences:
        """
        Within the buckets, or in all of the share (None): all of them counted, and at most `max_findings` named, what
        is rare before what is frequent. Up to `set_aside` missing records are named beyond that.
        """
        fields = compared_fields(self.contract)
        found = counted(self.contract, self._run("count_differences", buckets, fields=fields)[0])
        namings = what_to_name(found, most=self.how.max_findings, set_aside=set_aside)
        return Differences(found, [finding for naming in namings for finding in self._named(naming, buckets)])

    def of_records(self, keys: Sequence[str]) -> Iterator[DriftFinding]:
        """Everything that differs in these records; `bucket` is the key of each."""
        columns = frozenset(field.column for field in compared_fields(self.contract))
        everything = Naming(frozenset({DriftKind.MISSING, DriftKind.GONE}), columns, KEYS_AT_ONCE)
        by_key = replace(self, how=replace(self.how, digits=WHOLE_KEY))
        for some in pieces(keys, KEYS_AT_ONCE):
            yield from by_key._named(everything, some)

    def _named(self, naming: Naming, buckets: Sequence[str] | None) -> Iterator[DriftFinding]:
        fields = [field for field in compared_fields(self.contract) if field.column in naming.columns]
        whole = {"missing": DriftKind.MISSING in naming.whole, "gone": DriftKind.GONE in naming.whole}
        rows = self._run("select_differences", buckets, most=naming.rows, fields=fields, **whole)
        return name_differences(fields, rows)

    def _run(
        self, statement: str, buckets: Sequence[str] | None, *, most: int = 0, **names: object
    ) -> Sequence[tuple[Any, ...]]:
        share, how = self.share, self.how
        names |= {"target": how.target, "attempt": self.attempt, "contract": self.contract, "buckets": bool(buckets)}
        names["keys"] = KeyRange(share.first_key, share.end_key)
        values: dict[str, object] = {"first_key": share.first_key, "end_key": share.end_key, "cutoff": share.cutoff}
        values |= {"digits": how.digits, "most": most, "buckets": list(buckets or ())}
        return self.warehouse.run(f"warehouse_elt/{statement}", names=names, values=values)
