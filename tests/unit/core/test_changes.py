"""Change sets say one thing per record and field; values come back from their texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.changes import Action, Change, ChangeSet, Fate, FieldChange, RecordOutcome, tally_of
from crm_patterns.core.errors import StopRun
from crm_patterns.core.values import Value, kind_of, print_of, text_of, value_of

VALUES = st.one_of(
    st.none(),
    st.text(min_size=1),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
)


def update(key: str, **fields: tuple[Value, Value]) -> Change:
    changes = tuple(FieldChange(name, before, after) for name, (before, after) in fields.items())
    return Change("hubspot", "contacts", Action.UPDATE, key, record_id=key, fields=changes)


@given(VALUES)
def test_a_value_comes_back_from_its_text(value: Value) -> None:
    assert value_of(text_of(value), kind_of(value)) == value


@given(VALUES, VALUES)
def test_prints_tell_values_of_one_kind_apart(one: Value, other: Value) -> None:
    same_kind = kind_of(one) is kind_of(other)
    blank = (None, "")

    if same_kind and {one if one else None, other if other else None} != {None}:
        is_same = one == other or all(v in blank or str(v).strip() == "" for v in (one, other))
        assert (print_of(one) == print_of(other)) is is_same


def test_numbers_and_times_are_one_however_they_are_written() -> None:
    assert print_of(Decimal("1.50")) == print_of(Decimal("1.5"))
    assert text_of(Decimal("1E+3")) == "1000"
    assert print_of("  ") == print_of(None) == print_of("")
    assert print_of(date(2026, 3, 1)) != print_of(datetime(2026, 3, 1, tzinfo=UTC))


def test_a_change_has_the_same_name_in_every_run_and_another_for_other_content() -> None:
    first, again = update("1", title=("a", "b"), phone=(None, "1")), update("1", phone=(None, "1"), title=("a", "b"))

    assert first.change_id == again.change_id
    assert len({c.change_id for c in (first, update("1", title=("a", "b")), update("2", title=("a", "b")))}) == 3


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ([update("1", a=(1, 2)), update("1", b=(1, 2))], "twice"),
        ([update("1", a=(1, 2), A=(1, 3))], "a field .* twice"),
        ([update("1", a=(1, 1))], "with what it holds"),
    ],
)
def test_a_change_set_that_contradicts_itself_stops_the_run(changes: list[Change], problem: str) -> None:
    with pytest.raises(StopRun, match=problem):
        ChangeSet.of(changes)


def test_changes_are_in_order_and_blanking_is_counted() -> None:
    changes = ChangeSet.of([update("2", a=("x", None), b=(None, "y")), update("1", a=("x", "y"))])

    assert [c.key for c in changes] == ["1", "2"]
    assert [c.blanks for c in changes] == [0, 1]


def test_every_record_is_counted_once() -> None:
    tally = tally_of([RecordOutcome("a", Fate.CREATED), RecordOutcome("b", Fate.DEFERRED)])

    assert tally.is_balanced
    assert (tally.read, tally.created, tally.deferred) == (2, 1, 1)
