"""Which window a run reads follows from what kind of run Airflow says it is."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.utils.types import DagRunType

from crm_patterns.core.windows import WindowKind
from crm_patterns.operators.extract import _kind
from crm_patterns.operators.step import run_type

DAY = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))


def context(kind: Any, mode: str = "incremental") -> Any:
    return {
        "dag_run": SimpleNamespace(run_type=kind),
        "params": {"mode": mode},
        "data_interval_start": DAY[0],
        "data_interval_end": DAY[1],
    }


@pytest.mark.parametrize("kind", [DagRunType.BACKFILL_JOB, "backfill"])
def test_a_backfill_reads_its_data_interval(kind: Any) -> None:
    assert _kind(context(kind)) == (WindowKind.BACKFILL, DAY)
    assert run_type(context(kind)) == "backfill"


@pytest.mark.parametrize("kind", [DagRunType.SCHEDULED, DagRunType.MANUAL])
def test_any_other_run_reads_from_the_watermark_or_everything(kind: DagRunType) -> None:
    assert _kind(context(kind)) == (WindowKind.INCREMENTAL, None)
    assert _kind(context(kind, mode="full")) == (WindowKind.FULL, None)
