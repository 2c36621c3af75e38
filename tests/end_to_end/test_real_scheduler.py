"""`crm_warehouse_elt` through Airflow's real scheduler, from the sandbox's org to the local warehouse."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.end_to_end.real_stack import OBJECTS, RealStack, real_stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LAG_S = 2


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealStack]:
    with real_stack(tmp_path_factory.mktemp("real") / "stack") as running:
        yield running


@pytest.fixture(scope="module")
def first_run(stack: RealStack) -> str:
    """The run that starts when the DAG is switched on, at its end."""
    run_id = stack.first_run()
    assert stack.ended(run_id) == "success", stack.task_states(run_id)
    return run_id


def settle(stack: RealStack, changes: int = 0) -> None:
    """Let the org live on, until nothing in it is younger than the lag."""
    if changes:
        stack.org("POST", "tick", {"count": changes})
    time.sleep(LAG_S + 1.5)


def test_a_first_run_brings_exactly_the_truth_of_every_object(stack: RealStack, first_run: str) -> None:
    outcomes = stack.outcomes(first_run)

    assert stack.published(*OBJECTS) == stack.truth(*OBJECTS)
    assert outcomes.keys() == set(OBJECTS)
    for name, outcome in outcomes.items():
        assert outcome["state"] == "success", (name, outcome["problem"])
        assert outcome["method"] == ("bulk" if outcome["source_count"] else "rest"), name
        assert balance(outcome) == 0, name
        counts = ("source_count", "server_rows", "staged_rows", "published_rows")
        assert {outcome[count] for count in counts} == {outcome["records_read"]}, name
    assert stack.watermarks().keys() == set(OBJECTS)


def balance(outcome: dict[str, int]) -> int:
    ends = ("created", "updated", "deleted", "unchanged", "rejected", "deferred")
    return int(outcome["records_read"]) - sum(int(outcome[f"records_{end}"]) for end in ends)


def test_a_second_run_moves_nothing_and_a_third_what_has_changed(stack: RealStack, first_run: str) -> None:
    before = stack.watermarks()
    settle(stack)

    second = stack.outcomes(stack.run())
    settle(stack, changes=200)
    third = stack.outcomes(stack.run())

    moved = ("records_created", "records_updated", "records_deleted", "records_rejected")
    assert {name: [outcome[count] for count in moved] for name, outcome in second.items()} == dict.fromkeys(
        OBJECTS, [0, 0, 0, 0]
    )
    assert stack.published(*OBJECTS) == stack.truth(*OBJECTS)
    assert sum(outcome[count] for outcome in third.values() for count in moved[:2]) > 0
    assert all(balance(outcome) == 0 for outcome in third.values())
    after = stack.watermarks()
    assert all(after[name] > before[name] for name in OBJECTS)
