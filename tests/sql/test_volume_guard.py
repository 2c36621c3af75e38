"""Nothing abnormal is published before a person approved it, and nothing normal waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy import create_engine

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.warehouse_elt import NO_CURSOR, FieldChoice
from crm_patterns.state import OperationalState
from crm_patterns.steps.guard import ApprovalNeeded
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.stage import ParquetStage
from tests.pipeline import HOUR, Pipeline
from tests.source_double import NOON, SourceDouble, key, row

RULES = GuardRules(full_shrinks_by=0.2, deletes_share=0.1, deletes_at_least=3)


@pytest.fixture
def pipeline(
    warehouse: SnowflakeWarehouse, connect: Callable[[], Any], schema: str, tmp_path: Path
) -> Iterator[Pipeline]:
    """Ten rows are published."""
    state = OperationalState(create_engine(f"sqlite:///{tmp_path / 'state.db'}"))
    stage = ParquetStage(LocalFileSystem(), str(tmp_path / "stage"))
    source = SourceDouble(rows=[row(n, at=NOON - HOUR) for n in range(10)])
    first = Pipeline(warehouse, stage, state, schema, source, connect, rules=RULES)
    first.all()
    yield first
    state.close()


def next_hour(pipeline: Pipeline, name: str, **changes: Any) -> Pipeline:
    pipeline.source.clock += HOUR
    return pipeline.next_run(name, **changes)


def test_a_window_with_few_deletes_is_published_as_ever(pipeline: Pipeline) -> None:
    pipeline.source.rows[:2] = [row(n, at=NOON + HOUR / 2, deleted=True) for n in range(2)]

    assert next_hour(pipeline, "run-2").all().tally == Tally(read=2, deleted=2)


def test_a_window_with_many_deletes_publishes_nothing_until_it_is_approved(pipeline: Pipeline) -> None:
    pipeline.source.rows[:4] = [row(n, at=NOON + HOUR / 2, deleted=True) for n in range(4)]
    before, second = pipeline.table(), next_hour(pipeline, "run-2")
    checked = second.validate(second.load(second.extract()))

    with pytest.raises(ApprovalNeeded) as asked:
        second.publish(checked)

    assert asked.value.alarm.reason == "4 of 10 living rows (40%) would be marked as deleted"
    assert asked.value.alarm.samples == [key(n) for n in range(4)]
    assert pipeline.table() == before
    assert pipeline.state.watermark("salesforce", "Account") == NOON

    second.rules = None
    second.publish(checked)  # approved, and killed before it could say so
    second.rules = RULES
    assert second.reconcile(second.publish(checked)).tally == Tally(read=4, deleted=4)


def test_a_full_read_that_shrank_is_asked_about_whatever_the_windows_say(pipeline: Pipeline) -> None:
    del pipeline.source.rows[:5]
    second = next_hour(pipeline, "run-2", kind=WindowKind.FULL)

    with pytest.raises(ApprovalNeeded, match=r"the full read brought 5 living rows, the table holds 10 \(50% fewer\)"):
        second.all()


def test_a_full_read_of_nothing_deletes_nothing_until_it_is_approved(pipeline: Pipeline) -> None:
    pipeline.source.rows.clear()
    second = next_hour(pipeline, "run-2", choice=FieldChoice(cursor=NO_CURSOR))
    checked = second.validate(second.load(second.extract()))
    before = pipeline.table()

    with pytest.raises(ApprovalNeeded, match="brought no living row, the table holds 10") as asked:
        second.publish(checked)
    untouched = pipeline.table()
    second.rules = None
    outcome = second.reconcile(second.publish(checked))

    assert untouched == before
    assert len(asked.value.alarm.samples) == 5
    assert outcome.tally == Tally(read=10, deleted=10)
    with pipeline.sql() as rows:
        assert rows(f'select count(*) as n from "{pipeline.schema}"."ACCOUNT" where not "_DELETED"') == [(0,)]


def test_a_first_load_asks_nobody(pipeline: Pipeline, schema: str) -> None:
    with pipeline.sql() as rows:
        rows(f'delete from "{schema}"."ACCOUNT"')
    pipeline.source.rows[:9] = [row(n, at=NOON - HOUR, deleted=True) for n in range(9)]

    assert next_hour(pipeline, "run-2", kind=WindowKind.FULL).all().tally.created == 10
