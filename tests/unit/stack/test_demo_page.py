from __future__ import annotations

from stack.demo_page import _by_step, _worth_telling, balances, what_is_wrong
from stack.demo_run import DemoRun
from stack.ledger import Ledger
from stack.run_progress import RunView, view_of

OUTCOME = {"object_name": "Lead", "state": "success", "records_read": 5, "records_created": 3, "records_updated": 2}


def run(state: str = "success", **tasks: str) -> DemoRun:
    return DemoRun("dag", "run", RunView(state, tasks))


def ledger(**changes: object) -> Ledger:
    return Ledger({"state": "success"}, [{**OUTCOME, **changes}])


def test_a_green_run_whose_objects_balance_has_nothing_wrong() -> None:
    assert list(what_is_wrong(run(), ledger())) == []


def test_a_partial_object_is_acceptable_when_it_balances() -> None:
    assert list(what_is_wrong(run(), ledger(state="partial", records_updated=1, records_rejected=1))) == []


def test_a_record_that_is_not_accounted_for_is_wrong_although_the_run_is_green() -> None:
    assert list(what_is_wrong(run(), ledger(records_read=6))) == [
        "Lead: 6 records read, but not all of them accounted for"
    ]


def test_a_run_without_a_row_in_the_warehouse_is_not_believed() -> None:
    assert list(what_is_wrong(run(), Ledger())) == ["the warehouse has no row for this run in OPS.RUNS"]


def test_a_table_that_cannot_be_read_is_wrong() -> None:
    read = Ledger({"state": "success"}, [OUTCOME], [], ["set_aside: Table with name QUARANTINE does not exist"])

    assert "QUARANTINE" in next(iter(what_is_wrong(run(), read)))


def test_a_red_run_names_its_failed_tasks_and_the_objects_reason() -> None:
    failed = ledger(state="failed", problem="The password was refused.", fix="Change it.")

    said = list(what_is_wrong(run("failed", **{"Lead.extract": "failed", "Lead.load": "upstream_failed"}), failed))

    assert said == ["the run ended as failed; failed: Lead.extract", "Lead: The password was refused. Change it."]


def test_counts_that_are_missing_or_null_are_zero() -> None:
    assert balances({"records_read": None})


def test_a_task_without_a_state_waits_and_only_settled_ones_are_counted() -> None:
    states = {"a": None, "b": "running", "c": "success", "d": "skipped", "e": "up_for_retry"}

    view = view_of("running", [{"task_id": name, "state": state, "duration": None} for name, state in states.items()])

    assert view.tasks["a"] == "waiting"
    assert view.settled == 2


def test_of_the_upkeep_only_what_came_of_it_is_told() -> None:
    quiet = {"step": "compare_ids", "object_name": "Lead", "state": "success", "note": "5 ids", "records_deleted": 0}
    closed = {**quiet, "object_name": "Contact", "note": "3 closed", "records_deleted": 3}

    told = {
        step: _worth_telling(rows) for step, rows in _by_step([quiet, closed, {**quiet, "state": "skipped"}]).items()
    }

    assert told == {"compare_ids": "2 objects; Contact: 3 closed"}
    assert _worth_telling([quiet]) == "1 object, nothing to put right"
