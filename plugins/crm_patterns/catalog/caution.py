"""Settings that hold the warehouse pattern back: what of the quota is for others, and when a person is asked first."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from crm_patterns.catalog.frozen import Frozen


class QuotaSettings(Frozen):
    """What is left of each daily quota of the source to others, and who may use REST when no job may be started."""

    reserve_share: float = Field(default=0.1, ge=0, lt=1)  # down to it, objects wait for a later run
    rest_when_bulk_is_out_rows: int = Field(default=20_000, ge=0)


class GuardSettings(Frozen):
    """How much may go at once before a person has to approve it. Shares are 0..1 of the living rows."""

    full_shrinks_by: float = Field(default=0.2, ge=0, le=1)
    deletes_share: float = Field(default=0.1, ge=0, le=1)
    deletes_at_least: int = Field(default=50, ge=1)  # fewer rows than this never ask for anybody
    wait_s: int = Field(default=3600, ge=60)  # how long a run waits for the answer; the others wait behind it

    @property
    def wait(self) -> timedelta:
        return timedelta(seconds=self.wait_s)
