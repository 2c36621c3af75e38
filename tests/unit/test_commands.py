"""The commands: a plan that is only looked at, its exit status, and the answers to reviews."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.__main__ import main
from crm_patterns.commands.plan_marketing_sync import Verdict, text_of, verdict_of
from crm_patterns.core.changes import LinkEnds, Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.reviews import Review
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.write_gate import GateRules
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.preview import Preview, preview
from crm_patterns.steps.sync import CycleOrder
from crm_patterns.warehouse.stage import ParquetStage
from tests.sink_double import NOON
from tests.two_systems import PAIRING, Systems

ORDER = CycleOrder(
    RunKey("command", "plan"), PAIRING, WindowKind.FULL, frozenset(Side), timedelta(minutes=-1), timedelta(0)
)
"""Up to a minute from now: the doubles' clock stands still."""
LINK = LinkEnds("link-1", "hubspot_people", "Person", "00Q1", "contacts", "501")
REVIEW = Review(LINK, "Title", "CFO", "CEO", "both sides changed it")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OperationalState]:
    """The one that the commands are connected to."""
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
    opened = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def systems(state: OperationalState, tmp_path: Path) -> Systems:
    """Two linked people, in step."""
    made = Systems(state, ParquetStage(LocalFileSystem(), f"{tmp_path}/stage"))
    for number in (1, 2):
        made.left.edit(f"00Q{number}", Email=f"p{number}@x.io", Title="CFO")
    made.cycle()
    return made


def seen(systems: Systems, order: CycleOrder = ORDER, **rules: int | None) -> Preview:
    return preview(systems.ports(), systems.state, order, GateRules(**rules))  # type: ignore[arg-type]


def everything(path: Path) -> dict[str, list[tuple[object, ...]]]:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        return {name: [tuple(row) for row in connection.execute(sa.text(f"select * from {name}"))] for name in names}


def test_looking_at_a_plan_writes_nothing_anywhere(systems: Systems, tmp_path: Path) -> None:
    systems.left.edit("00Q1", Title="CEO")
    systems.left.edit("00Q3", Email="p3@x.io")
    before, contacts = everything(tmp_path / "state.db"), dict(systems.right.records)
    staged = sorted((tmp_path / "stage").rglob("*"))

    plan = seen(systems)

    assert plan.writes == 2
    assert everything(tmp_path / "state.db") == before
    assert systems.right.records == contacts
    assert sorted((tmp_path / "stage").rglob("*")) == staged


def test_the_exit_status_tells_nothing_changes_and_what_a_person_is_asked(systems: Systems) -> None:
    nothing = seen(systems)
    systems.left.edit("00Q1", Title="CEO")
    changes, asks = seen(systems), seen(systems, records=0)
    other_side = seen(systems, replace(ORDER, systems=("salesforce",)))

    assert [verdict_of(each) for each in (nothing, changes, asks, other_side)] == [
        Verdict.NOTHING, Verdict.CHANGES, Verdict.ASKS, Verdict.NOTHING
    ]  # fmt: skip
    assert [int(each) for each in Verdict] == [0, 2, 3]
    text = "\n".join(text_of("people", asks, most=10))
    assert "'CFO' → 'CEO'" in text
    assert "A run would ask a person: hubspot contacts: 1 records would be written, more than 0" in text


def test_what_is_no_command_or_no_platform_is_an_error_and_not_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["plan", "warehouse"])

    assert refused.value.code == 1
    assert main(["plan", "marketing_sync", "--platform", "mailchimp"]) == 1
    assert "There are: hubspot" in capsys.readouterr().err


def test_a_review_is_listed_answered_and_listed_with_its_answer(
    state: OperationalState, capsys: pytest.CaptureFixture[str]
) -> None:
    state.record_reviews(RunKey("crm_marketing_sync", "run-1"), [], [REVIEW], at=NOON)

    listed = main(["reviews"]), capsys.readouterr().out
    chosen = main(["reviews", "choose", REVIEW.review_id, "platform"]), capsys.readouterr().out
    again = main(["reviews"]), capsys.readouterr().out
    unknown = main(["reviews", "choose", "nobody", "salesforce"])

    assert [status for status, _ in (listed, chosen, again)] == [0, 0, 0]
    assert REVIEW.review_id in listed[1]
    assert "salesforce 'CFO'   platform 'CEO'" in listed[1]
    assert "platform was chosen by" in again[1]
    assert state.review_choices("hubspot_people") == {REVIEW.review_id: Side.RIGHT}
    assert unknown == 1
