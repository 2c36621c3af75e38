"""No row is missed, whatever the clocks do: late commits, ties, edges, skew, dying sessions, lying counts."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from tests.conformance.correctness.org_and_warehouse import LAG, OrgAndWarehouse


def test_a_row_that_was_committed_late_arrives_with_the_next_window(way: OrgAndWarehouse) -> None:
    late = way.world.control(
        "POST", "late_commits", {"object": "Account", "values": {"Name": "late"}, "age_s": 300, "after_s": None}
    )
    way.later(minutes=1)
    way.run()
    missed = late["id"]
    way.world.control("POST", f"late_commits/{missed}")
    way.later(minutes=9)

    way.run()

    assert way.in_warehouse() == way.in_org()
    assert "late" in {cells["name"] for cells in way.in_warehouse().values()}


@pytest.mark.parametrize("offset_s", [-3600, 0, 3600])
def test_rows_exactly_on_the_edges_are_read_once(way: OrgAndWarehouse, offset_s: int) -> None:
    """Stamps one second before, on and after what was the last window's end."""
    way.run()
    edge = way.now - LAG
    way.later(seconds=offset_s)
    moments = [edge + timedelta(seconds=second) for second in (-1, 0, 1)]
    for number, moment in enumerate(moments):
        way.world.control("POST", "clock", {"at": moment.isoformat()})
        way.create([{"Name": f"edge {number} {offset_s}"}])
    way.later(seconds=7200)

    outcome = way.run()

    assert outcome.tally.created == 3
    assert way.run().tally.created == 0
    assert way.in_warehouse() == way.in_org()


@pytest.mark.parametrize("ahead_s", [-10_800, 10_800])
def test_a_worker_whose_clock_is_hours_off_misses_nothing(way: OrgAndWarehouse, ahead_s: int) -> None:
    """The org's clock and this machine's differ by three hours; the org's counts."""
    way.world.control("POST", "clock", {"ahead_s": ahead_s})
    (key,) = way.create([{"Name": f"skew {ahead_s}"}])

    first = way.run()
    way.world.control("POST", "clock", {"ahead_s": ahead_s + 600})
    second = way.run()

    assert first.window is not None
    assert second.window is not None
    assert second.window.end - first.window.end >= timedelta(minutes=10)
    assert key in way.in_warehouse()


def test_sessions_that_die_all_the_time_cost_nothing_but_time(way: OrgAndWarehouse) -> None:
    way.create({"Name": f"session {number}"} for number in range(600))
    way.later(minutes=10)
    done = threading.Event()

    def expire() -> None:  # a call is made again with one new session, which must outlive a call on a busy machine
        way.world.expire_tokens()
        while not done.wait(0.4):
            way.world.expire_tokens()

    killer = threading.Thread(target=expire)
    killer.start()
    try:
        outcome = way.run()
    finally:
        done.set()
        killer.join()

    assert outcome.tally.created >= 600
    assert way.in_warehouse() == way.in_org()


def test_a_count_of_none_is_not_believed_where_there_are_rows(way: OrgAndWarehouse) -> None:
    way.run()
    way.later(minutes=30)
    way.create([{"Name": "denied"}])
    way.later(minutes=10)
    way.world.lie_about_the_count(0)

    way.run()

    assert "denied" in {cells["name"] for cells in way.in_warehouse().values()}


def test_a_count_that_is_wrong_is_settled_by_reading_the_keys_again(way: OrgAndWarehouse) -> None:
    way.run()
    way.later(minutes=30)
    way.create([{"Name": "one"}])
    way.later(minutes=10)
    way.world.lie_about_the_count(5, also_later=True)

    outcome = way.run()

    assert (outcome.source_count, outcome.tally.created) == (5, 1)
    assert way.world.journal("queryAll")
    assert way.in_warehouse() == way.in_org()
