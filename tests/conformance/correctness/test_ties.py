"""Thousands of rows with one and the same stamp, which is what a data load makes."""

from __future__ import annotations

import pytest

from tests.conformance.correctness.org_and_warehouse import LAG, OrgAndWarehouse

pytestmark = pytest.mark.e2e


def test_12345_rows_with_one_stamp_on_the_edge_of_a_window_arrive_once(way: OrgAndWarehouse) -> None:
    way.run()
    stamp = way.later(minutes=30)
    keys = way.create({"Name": f"tie {number}"} for number in range(12_345))
    way.later(seconds=LAG.total_seconds())  # the horizon is now exactly their stamp: they belong to the next window

    before = way.run()
    way.later(minutes=20)
    after = way.run()

    assert before.window is not None
    assert before.window.end == stamp
    assert before.tally.created == 0
    assert after.tally.created == 12_345
    table = way.in_warehouse()
    assert all(key in table for key in keys)
    assert table == way.in_org()
