"""Settings of the DAGs that run once a day."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from crm_patterns.catalog.frozen import Frozen


class UpkeepSettings(Frozen):
    """The daily DAG crm_warehouse_upkeep. A run later than `deadline_s` seconds after it was queued is announced."""

    schedule: str = "0 3 * * *"
    deadline_s: int = Field(default=14_400, ge=60)
    compare_max_share: float = Field(default=0.05, ge=0, le=1)  # of open rows that a comparison of ids may close

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)


class AuditSettings(Frozen):
    """
    The daily DAG crm_drift_audit, which passes over all of an object in `days` runs.

    Records whose ids begin with the same `bucket_digits` characters are one bucket: 13 of 15 leave at most 3,844 ids.
    """

    schedule: str = "0 5 * * *"
    deadline_s: int = Field(default=14_400, ge=60)
    days: int = Field(default=7, ge=1, le=366)
    bucket_digits: int = Field(default=13, ge=3, le=15)
    max_buckets: int = Field(default=100, ge=1)  # more bad ones than this: the whole share is read again instead
    max_findings: int = Field(default=1000, ge=1, le=100_000)  # named per object and run

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)
