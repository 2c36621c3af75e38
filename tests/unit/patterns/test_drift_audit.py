"""Shares cover every id once, buckets are ranges of ids, and a difference is called by its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.drift import AuditCycle, DriftFinding, DriftKind, Settlement
from crm_patterns.patterns.drift_audit import (
    Counted,
    Differences,
    Explained,
    audit_contract,
    bucket_range,
    compared_fields,
    counted,
    due_share,
    is_over,
    name_differences,
    settle,
    what_to_name,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CYCLE = AuditCycle(NOON, ("b", "d", "f"))
CONTRACT = ObjectContract(
    "salesforce",
    "Account",
    "ACCOUNT",
    (
        ContractField("Id", "id", FieldKind.TEXT),
        ContractField("Name", "name", FieldKind.TEXT),
        ContractField("Tax__c", "tax_c", FieldKind.TEXT, hashed=True),
        ContractField("Days__c", "days_c", FieldKind.INTEGER, computed=True),
        ContractField("SystemModstamp", "system_modstamp", FieldKind.TIMESTAMP),
    ),
    "Id",
    "SystemModstamp",
    None,
)


def shares(days: list[int]) -> list[tuple[int, int, str, str]]:
    """The shares of runs on these days of a cycle, each proven."""
    found, proven = [], 0
    for day in days:
        share = due_share(AuditCycle(NOON, CYCLE.boundaries, proven), now=NOON + day * DAY, cutoff=NOON)
        found.append((share.first, share.end, share.first_key, share.end_key))
        proven = share.end
    return found


def test_a_run_a_day_covers_every_key_once() -> None:
    assert shares([0, 1, 2, 3]) == [(0, 1, "", "b"), (1, 2, "b", "d"), (2, 3, "d", "f"), (3, 4, "f", "")]


def test_missed_days_are_made_up_for_and_a_second_run_of_a_day_goes_on() -> None:
    assert shares([0, 3]) == [(0, 1, "", "b"), (1, 4, "b", "")]
    assert shares([0, 0]) == [(0, 1, "", "b"), (1, 2, "b", "d")]
    assert all(one[1] == other[0] for one, other in pairwise(shares([0, 2, 9])))


def test_a_cycle_is_over_when_all_its_slices_are_proven() -> None:
    assert is_over(None)
    assert not is_over(CYCLE)
    assert is_over(AuditCycle(NOON, (), 1))


@pytest.mark.parametrize(
    ("bucket", "first", "end"),
    [
        ("001A000000000", "001A00000000000", "001A00000000100"),
        ("001A00000000z", "001A00000000z00", "001A00000001000"),
        ("001A0000zzzzz", "001A0000zzzzz00", "001A00010000000"),
        ("zzzzzzzzzzzzz", "zzzzzzzzzzzzz00", ""),
        ("001A0000000009Z", "001A0000000009Z", "001A0000000009a"),
    ],
)
def test_a_bucket_is_the_range_of_the_ids_that_begin_with_it(bucket: str, first: str, end: str) -> None:
    found = bucket_range(bucket)

    assert (found.first, found.end) == (first, end)


def test_computed_fields_are_not_compared() -> None:
    assert [field.name for field in audit_contract(CONTRACT).fields] == ["Id", "Name", "Tax__c", "SystemModstamp"]


def test_key_and_column_are_named_and_a_hashed_value_is_not_shown() -> None:
    same = (False, "s", "s")
    rows = [
        ("1", "b", False, False, True, "x" * 300, None, True, "ab", "cd", *same),
        ("2", "b", True, False, *same * 3),
        ("3", "b", False, True, *same * 3),
    ]

    assert list(name_differences(compared_fields(audit_contract(CONTRACT)), rows)) == [
        DriftFinding(DriftKind.DIFFERENT, "1", "name", "b", "x" * 200, None),
        DriftFinding(DriftKind.DIFFERENT, "1", "tax_c", "b", "(hidden)", "(hidden)"),
        DriftFinding(DriftKind.MISSING, "2", bucket="b"),
        DriftFinding(DriftKind.GONE, "3", bucket="b"),
    ]


def test_quarantined_and_just_deleted_records_are_explained() -> None:
    missing, gone = DriftFinding(DriftKind.MISSING, "1"), DriftFinding(DriftKind.GONE, "2")

    found = Differences(Counted(missing=1, gone=1), [missing, gone])

    assert Explained(frozenset("1"), frozenset("2")).less(found).total == 0
    assert Explained(frozenset("2"), frozenset("1")).less(found) == found


def test_what_is_found_again_remains_and_the_rest_is_repaired() -> None:
    one, two = DriftFinding(DriftKind.DIFFERENT, "1", "name"), DriftFinding(DriftKind.MISSING, "2")
    new = DriftFinding(DriftKind.GONE, "3")

    states = {finding.record_key: finding.settlement for finding in settle([one, two], [two, new])}

    assert states == {"1": Settlement.REPAIRED, "2": Settlement.REMAINS, "3": Settlement.REMAINS}


def test_all_is_counted_by_column_and_a_value_is_silent_where_the_stamp_is_the_same() -> None:
    name, tax, stamp = (5, 4), (0, 0), (1, 0)

    found = counted(audit_contract(CONTRACT), (2, 3, *name, *tax, *stamp))

    assert found == Counted(2, 3, {"name": 5, "system_modstamp": 1}, {"name": 4})
    assert found.total == 11


def test_one_value_is_named_beside_a_hundred_thousand() -> None:
    found = Counted(0, 1, {"name": 100_000, "tax_c": 1, "other": 400_000})

    rare, common = what_to_name(found, most=1_000)

    assert (rare.whole, rare.columns, rare.rows) == ({DriftKind.GONE}, {"tax_c"}, 2)
    assert (common.whole, common.columns, common.rows) == (frozenset(), {"name", "other"}, 499)


def test_records_that_are_set_aside_take_no_place_from_those_that_are_missing() -> None:
    [all_of_them] = what_to_name(Counted(missing=5_001), most=1_000, set_aside=5_000)
    [some] = what_to_name(Counted(missing=100_000), most=1_000, set_aside=5_000)

    assert (all_of_them.rows, some.rows) == (5_001, 6_000)


@given(
    st.integers(0, 5_000),
    st.integers(0, 5_000),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 5_000)),
    st.integers(1, 3_000),
)
def test_every_kind_is_named_and_all_together_are_bounded(
    missing: int, gone: int, differing: dict[str, int], most: int
) -> None:
    found = Counted(missing, gone, differing)

    namings = what_to_name(found, most=most)

    kinds = [kind for naming in namings for kind in (*naming.whole, *naming.columns)]
    sizes = {DriftKind.MISSING: missing, DriftKind.GONE: gone, **differing}
    assert sorted(kinds) == sorted(kind for kind, rows in sizes.items() if rows)
    assert sum(naming.rows for naming in namings) <= most + 1
    if found.total <= most:
        assert [naming.rows for naming in namings] == [found.total][: len(kinds)]
