"""Settings that patterns have in common."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from crm_patterns.catalog.frozen import Frozen


def _is_a_uri(value: str) -> str:
    if not re.match(r"^(file|s3|gs|abfs|abfss|wasb|wasbs)://", value):
        raise ValueError(f"{value!r} is not a URI of object storage; write for example s3://bucket/crm or file:///data")
    return value.rstrip("/")


def _has_a_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("carries no time zone; write for example 2026-01-01T00:00:00Z")
    return value


StageRoot = Annotated[str, AfterValidator(_is_a_uri)]
ZonedMoment = Annotated[datetime, AfterValidator(_has_a_zone)]


class RetrySettings(Frozen):
    """How Airflow retries a task: exponentially from `delay_s` up to `max_delay_s` seconds."""

    attempts: int = Field(default=3, ge=0, le=20)
    delay_s: int = Field(default=30, ge=1)
    max_delay_s: int = Field(default=900, ge=1)


class CommonSettings(Frozen):
    """Where a run's state, stage and messages go, and when runs are due and late."""

    stage_conn_id: str = "crm_stage"
    state_conn_id: str = "crm_state"
    slack_conn_id: str = "slack_default"
    keys_conn_id: str = "crm_keys"  # read only where a column is hashed or the stage is encrypted
    stage_root: StageRoot
    encrypt_stage: bool = False  # Parquet is encrypted by us, with the stage_secret of `keys_conn_id`
    schedule: str
    start_date: ZonedMoment
    lag_s: int = Field(default=120, ge=0)  # a row younger than this may still be uncommitted at the source
    overlap_s: int = Field(default=900, ge=0)  # how far each window reads back into the one before
    deadline_s: int = Field(ge=60)  # a run later than this is announced
    retry: RetrySettings = RetrySettings.model_construct()

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)

    @property
    def system(self) -> str:
        """The system that runs are about, as the ledger names it."""
        raise NotImplementedError
