"""Ids: the published example, and the same function in Python and in SQL."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.salesforce import ids


def test_the_published_example() -> None:
    assert ids.to_18("001A0000006Vm9u") == "001A0000006Vm9uIAC"
    assert ids.to_18("001A0000006Vm9uIAC") == "001A0000006Vm9uIAC"


@pytest.mark.parametrize(
    "text", ["", "001", "001A0000006Vm9uIAB", "001A0000006Vm9-", "001A0000006Vm9uI", "ü01A0000006Vm9u"]
)
def test_other_texts_are_no_ids(text: str) -> None:
    assert not ids.is_id(text)
    with pytest.raises(ValueError, match="not a record id"):
        ids.to_18(text)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.integers(0, ids.CAPACITY - 1), min_size=1, max_size=50), st.sampled_from(["001", "00Q", "a01", "0QL"])
)
def test_sql_makes_the_same_ids(numbers: list[int], prefix: str) -> None:
    with duckdb.connect() as connection:
        for statement in ids.sql_macros():
            connection.execute(statement)
        made = connection.execute(f"select sf_id('{prefix}', n) from (select unnest(?::bigint[]) as n)", [numbers])

        assert [row[0] for row in made.fetchall()] == [ids.record_id(prefix, number) for number in numbers]


def test_ids_of_a_row_number_are_unique_and_ordered() -> None:
    made = [ids.record_id("006", number) for number in (0, 9, 10, 35, 36, 61, 62, 3843, 3844)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(ids.is_id(each) for each in made)
