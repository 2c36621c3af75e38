"""The operational state keeps the rules of its port on both databases, also when several processes use it at once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import URL

from crm_patterns.core.changes import Action, Change, LinkEnds
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import InboxLimits, RunKey, Usage
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine, transaction
from crm_patterns.state.schema import HEAD, VERSION_TABLE
from crm_patterns.state.tables import metadata
from tests.conformance.inbox_rules import event
from tests.conformance.state_suite import NOON, OBJECT, RUN, SOURCE, StateSuite, bad

PROCESSES, TURNS = 5, 15


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    if request.param == "sqlite":
        return URL.create("sqlite+pysqlite", database=str(tmp_path / "not" / "yet" / "state.db"))
    make: Callable[[], URL] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture
def state(url: URL) -> Iterator[OperationalState]:
    opened = OperationalState(open_engine(url))
    yield opened
    opened.close()


class TestOperationalState(StateSuite):
    """The shared rules, on SQLite and PostgreSQL."""


def _in_process(work: Callable[[OperationalState, int], Any], url: URL, number: int, start: Any, results: Any) -> None:
    try:
        state = OperationalState(open_engine(url))
        start.wait(60)
        results.put((number, work(state, number), None))
        state.close()
    except Exception as fault:  # noqa: BLE001 - it is handed to the test, which fails with it
        results.put((number, None, f"{type(fault).__name__}: {fault}"))


def at_once(work: Callable[[OperationalState, int], Any], url: URL) -> list[Any]:
    """What `work` gives in each of several processes that begin together; fails where one of them failed."""
    spawn = multiprocessing.get_context("fork")
    start, results = spawn.Barrier(PROCESSES), spawn.Queue()
    processes = [spawn.Process(target=_in_process, args=(work, url, n, start, results)) for n in range(PROCESSES)]
    for process in processes:
        process.start()
    answers = sorted((results.get(timeout=120) for _ in processes), key=lambda answer: answer[0])
    for process in processes:
        process.join(30)
    assert [fault for _, _, fault in answers if fault] == []
    return [answer for _, answer, _ in answers]


def _note(state: OperationalState, number: int) -> tuple[bool, bool]:
    """Whether this process was the one that noted the intent, and the one that linked the record."""
    run, change = RunKey(RUN.dag_id, f"run-{number}"), Change("hubspot", "contacts", Action.CREATE, "L1")
    is_new = state.begin_writes(run, [change], at=NOON) == {}
    refused = state.link(
        [LinkEnds(f"link-{number}", "people", "Lead", "L1", "contacts", f"R{number}")], run=run, at=NOON
    )
    return is_new, not refused


def test_of_many_processes_one_notes_an_intent_and_one_links_a_record(url: URL) -> None:
    answers = at_once(_note, url)

    assert [is_new for is_new, _ in answers].count(True) == 1
    assert [linked for _, linked in answers].count(True) == 1


def _announce(state: OperationalState, number: int) -> int:
    return state.announce_events("hubspot", at=NOON + timedelta(seconds=number), limits=InboxLimits())


def test_of_many_processes_one_announces_each_event(url: URL, state: OperationalState) -> None:
    state.store_events([event(number) for number in range(20)])

    assert sum(at_once(_announce, url)) == 20
    assert sum(at_once(_announce, url)) == 0


def _take(state: OperationalState, number: int) -> list[str]:
    run = RunKey(RUN.dag_id, f"asset-{number}")
    state.announce_events("hubspot", at=NOON, limits=InboxLimits())
    return [each.event_id for each in state.claim_events(run, "hubspot", at=NOON, limits=InboxLimits(claimed=7))]


def test_of_many_processes_each_gets_other_events(url: URL, state: OperationalState) -> None:
    state.store_events([event(number) for number in range(20)])

    taken = [event_id for claimed in at_once(_take, url) for event_id in claimed]

    assert len(taken) == len(set(taken)) == 20


def _receive(state: OperationalState, number: int) -> int:
    return state.store_events([event(each) for each in (range(30) if number % 2 else reversed(range(30)))])


def test_many_processes_that_receive_the_same_events_keep_each_once(url: URL) -> None:
    assert sum(at_once(_receive, url)) == 30


def _claim(state: OperationalState, number: int) -> tuple[Window, Tally, bool]:
    mine = Window(NOON - timedelta(hours=number + 1), NOON, WindowKind.INCREMENTAL)
    window = state.claim_window(RUN, SOURCE, OBJECT, mine)
    plan = state.plan_publish(RUN, OBJECT, "attempt", Tally(read=number, created=number))
    return window, plan, state.open_incident(RUN.dag_id, run=RUN, problem=str(number), at=NOON)


def test_waiting_for_quota_begins_once_and_ends_when_the_last_object_is_read(state: OperationalState) -> None:
    def after(hour: int, deferred: tuple[str, ...], caught_up: tuple[str, ...]) -> tuple[bool, bool, tuple[str, ...]]:
        problems = dict.fromkeys(deferred, "API calls: 0 left.")
        at = NOON + timedelta(hours=hour)
        news = state.settle_deferral("elt/deferred", deferred=problems, caught_up=caught_up, at=at)
        return news.began, news.ended, news.waiting

    assert after(0, (), ("Account",)) == (False, False, ())
    assert after(1, ("Account", "Lead"), ("User",)) == (True, False, ("Account", "Lead"))
    assert after(2, ("Account", "Lead", "Task"), ()) == (False, False, ("Account", "Lead", "Task"))
    assert after(3, ("Task",), ("Account",)) == (False, False, ("Lead", "Task"))
    assert after(4, (), ("Task", "Lead")) == (False, True, ("Lead", "Task"))
    assert after(5, (), ("Task", "Lead")) == (False, False, ())
    assert after(6, ("Task",), ()) == (True, False, ("Task",))


def test_of_many_processes_on_an_empty_database_one_migrates_and_one_wins_each_claim(url: URL) -> None:
    answers = at_once(_claim, url)

    assert len({window for window, _, _ in answers}) == 1
    assert len({plan for _, plan, _ in answers}) == 1
    assert [is_news for _, _, is_news in answers].count(True) == 1


def _write_much(state: OperationalState, number: int) -> int:
    run = RunKey("dag", f"run-{number}")
    for turn in range(TURNS):
        state.start_run(run, source=SOURCE, run_type="manual", at=NOON)
        state.record_calls(RUN, SOURCE, OBJECT, step="extract", usage=Usage(1, None, None), at=NOON)
        state.advance_watermark(SOURCE, OBJECT, to=NOON + timedelta(minutes=turn), run=run)
        state.quarantine(run, SOURCE, OBJECT, [bad(f"{turn}-{n}") for n in range(20)], stage_uri="s", at=NOON)
        assert state.watermark(SOURCE, OBJECT) is not None
    return state.quarantine(run, SOURCE, OBJECT, [], stage_uri="s", at=NOON)


def test_processes_that_write_at_once_lose_nothing_and_are_never_locked_out(url: URL, state: OperationalState) -> None:
    answers = at_once(_write_much, url)

    columns, rows = state.ops_rows("calls", RUN)
    assert answers == [20 * TURNS] * PROCESSES
    assert rows[0][columns.index("calls_made")] == TURNS * PROCESSES
    assert state.watermark(SOURCE, OBJECT) == NOON + timedelta(minutes=TURNS - 1)


def test_the_migrated_schema_is_the_one_the_code_uses(url: URL, state: OperationalState) -> None:
    state.prepare()

    with sa.create_engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        differences = compare_metadata(context, metadata)
        version = connection.execute(sa.text(f"select version_num from {VERSION_TABLE}")).scalar()
    assert differences == []
    assert version == HEAD


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: URL, state: OperationalState) -> None:
    state.prepare()
    engine = open_engine(url)
    with transaction(engine, writes=True) as connection:
        connection.execute(sa.text(f"update {VERSION_TABLE} set version_num = '9999'"))

    with pytest.raises(FixSettings, match=r"'9999'.*newer release.*Install that newer release"):
        OperationalState(open_engine(url)).watermark(SOURCE, OBJECT)

    with transaction(engine, writes=False) as connection:
        assert connection.execute(sa.text(f"select version_num from {VERSION_TABLE}")).scalar() == "9999"
    engine.dispose()


def test_a_transaction_that_fails_leaves_nothing(url: URL, state: OperationalState) -> None:
    state.prepare()
    engine = open_engine(url)

    def half_way() -> None:
        with transaction(engine, writes=True) as connection:
            connection.execute(sa.text("insert into crm_watermarks (source, object_name, watermark) "
                                       "values ('salesforce', 'Account', '2026-01-01 00:00:00')"))  # fmt: skip
            raise InterruptedError("killed")

    with pytest.raises(InterruptedError):
        half_way()

    assert state.watermark(SOURCE, OBJECT) is None
    engine.dispose()
