"""When a person is asked before rows go, and when nobody is disturbed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.patterns.guards import Alarm, GuardRules, Volume, alarm

RULES = GuardRules(full_shrinks_by=0.2, deletes_share=0.1, deletes_at_least=50)


@pytest.mark.parametrize(
    ("volume", "asks"),
    [
        (Volume(before=0, deletes=0, after=0), False),  # a first load of nothing
        (Volume(before=0, deletes=0, after=10_000), False),
        (Volume(before=10_000, deletes=0, after=8_000), False),  # exactly a fifth fewer
        (Volume(before=10_000, deletes=0, after=7_999), True),
        (Volume(before=100, deletes=0, after=51), False),  # half, but few
        (Volume(before=7, deletes=7, after=0), True),  # nothing at all is never normal
        (Volume(before=7, deletes=1, after=6), False),
        (Volume(before=10_000, deletes=1_000), False),
        (Volume(before=10_000, deletes=1_001), True),
        (Volume(before=100, deletes=49), False),
        (Volume(before=100, deletes=50), True),
        (Volume(before=10_000, deletes=5_000, after=None), True),
    ],
)
def test_a_person_is_asked_only_where_much_goes(volume: Volume, asks: bool) -> None:
    assert bool(alarm(volume, RULES)) is asks


def test_the_question_names_the_numbers_the_rows_and_what_each_answer_does() -> None:
    asked = Alarm("Account", alarm(Volume(1_000, 400), RULES), ["001A", "001B"])

    assert asked.subject == "Account: 400 of 1,000 living rows (40%) would be marked as deleted"
    for part in ("`001A`", "`001B`", "**Approve**", "**Reject**", "watermark stays"):
        assert part in asked.body


def test_what_was_approved_is_not_asked_again_and_more_than_that_is() -> None:
    approved = replace(RULES, approved=400)

    assert not alarm(Volume(1_000, 400), approved)
    assert not alarm(Volume(1_000, 0, after=600), approved)
    assert alarm(Volume(1_000, 401), approved)
    assert alarm(Volume(1_000, 400, after=599), approved)


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.none() | st.integers(0, 10**7))
def test_a_read_that_loses_nothing_never_asks_and_losing_more_never_asks_less(
    before: int, deletes: int, after: int | None
) -> None:
    volume = Volume(before, deletes, after)

    assert not alarm(Volume(before, 0, None if after is None else max(before, after)), RULES)
    if alarm(volume, RULES):
        assert alarm(Volume(before, deletes + 1, after), RULES)
        assert after in (None, 0) or alarm(Volume(before, deletes, after - 1), RULES)
