"""Who may read at all, and by which interface, with the quota that is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.ports import Allowance, Grant
from crm_patterns.patterns.quota import Means, QuotaRules, bulk_calls, choose_method, means, reason_to_wait, rest_calls
from tests.source_double import NOON, PLENTY

RULES = QuotaRules(reserve_share=0.1, rest_when_bulk_is_out_rows=20_000)
BULK_IS_OUT = Means(bulk_is_out="bulk jobs: 0 of 10,000 left")
CALLS_ARE_LOW = Means(calls_are_low="API calls: 15,000 of 100,000 left")


def calls(left: int | None) -> Allowance:
    return replace(PLENTY, calls=Grant(left, 100_000))


def test_small_objects_are_read_row_by_row_and_the_reason_is_told() -> None:
    assert choose_method("auto", rows=2000, rest_below=2000)[0] == "rest"
    assert choose_method("auto", rows=2001, rest_below=2000)[0] == "bulk"
    assert choose_method("bulk", rows=1, rest_below=2000) == ("bulk", "settings say read: bulk")
    assert choose_method("bulk", rows=0, rest_below=2000)[0] == "rest"


@pytest.mark.parametrize(("left", "waits"), [(100_000, False), (10_001, False), (10_000, True), (0, True)])
def test_down_to_the_reserve_nothing_is_read(left: int, waits: bool) -> None:
    assert bool(reason_to_wait(calls(left), RULES)) is waits


def test_the_reason_names_the_numbers() -> None:
    assert reason_to_wait(calls(9_000), RULES) == (
        "API calls: 9,000 of 100,000 left, and the reserve of 10% is for others"
    )


@pytest.mark.parametrize("allowance", [None, calls(None), Allowance(Grant(), Grant(), Grant(), NOON)])
def test_a_source_that_does_not_tell_is_read_as_usual(allowance: Allowance | None) -> None:
    assert reason_to_wait(allowance, RULES) == ""
    assert means(allowance, RULES, job_page_rows=50_000) == Means()


def test_a_spent_quota_waits_even_without_a_reserve() -> None:
    assert reason_to_wait(replace(PLENTY, calls=Grant(0)), replace(RULES, reserve_share=0.0))


@pytest.mark.parametrize(("jobs", "job_mb"), [(Grant(0, 10_000), Grant(9, 10)), (Grant(9, 10), Grant(1, 1_000_000))])
def test_jobs_are_out_when_either_their_number_or_their_results_are(jobs: Grant, job_mb: Grant) -> None:
    told = means(replace(PLENTY, jobs=jobs, job_mb=job_mb), RULES, job_page_rows=50_000)

    assert told.bulk_is_out
    assert not told.calls_are_low


@pytest.mark.parametrize(
    ("preference", "rows", "method"),
    [
        ("auto", 20_000, "rest"),
        ("auto", 20_001, "wait"),
        ("bulk", 10, "wait"),
        ("rest", 10**7, "rest"),
        ("auto", 1, "rest"),
    ],
)
def test_without_bulk_small_objects_switch_and_large_ones_wait(preference: str, rows: int, method: str) -> None:
    chosen, reason = choose_method(preference, rows=rows, rest_below=2_000, means=BULK_IS_OUT)

    assert chosen == method
    is_switched = (preference, method) != ("rest", "rest") and rows > 2_000
    assert ("bulk jobs: 0 of 10,000 left" in reason) is (is_switched or method == "wait")


@pytest.mark.parametrize(("rows", "method"), [(2_000, "rest"), (12_000, "rest"), (12_001, "bulk"), (30_000, "bulk")])
def test_with_few_calls_left_the_cheaper_interface_is_taken(rows: int, method: str) -> None:
    chosen, reason = choose_method("auto", rows=rows, rest_below=20_000, means=CALLS_ARE_LOW)

    assert chosen == method
    assert reason.startswith("API calls: 15,000 of 100,000 left")


@given(
    st.sampled_from(["auto", "bulk", "rest"]), st.integers(0, 10**8), st.integers(0, 10**5),
    st.sampled_from(["", "out"]), st.sampled_from(["", "low"]), st.integers(0, 10**5),
)  # fmt: skip
def test_no_choice_uses_what_is_out_or_goes_against_the_settings(
    preference: str, rows: int, rest_below: int, out: str, low: str, most: int
) -> None:
    method, reason = choose_method(preference, rows=rows, rest_below=rest_below, means=Means(out, low, most))

    assert reason
    assert (
        method in ({"auto": {"rest", "bulk", "wait"}, "bulk": {"bulk", "wait"}, "rest": {"rest"}}[preference])
        or not rows
    )
    assert not (out and method == "bulk")
    assert method != "wait" or out
    if low and not out and preference == "auto" and rows:
        costs = {"rest": rest_calls(rows), "bulk": bulk_calls(rows, page_rows=50_000)}
        assert costs[method] == min(costs.values())
