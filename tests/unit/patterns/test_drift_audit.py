"""Shares cover every id once, buckets are ranges of ids, and a difference is called by its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.drift import AuditCycle, DriftFinding, DriftKind, Settlement
from crm_patterns.patterns.drift_audit import (
    audit_contract,
    bucket_range,
    due_share,
    is_over,
    name_differences,
    settle,
    silent_columns,
    unexplained,
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

    assert list(name_differences(audit_contract(CONTRACT), rows)) == [
        DriftFinding(DriftKind.DIFFERENT, "1", "name", "b", "x" * 200, None),
        DriftFinding(DriftKind.DIFFERENT, "1", "tax_c", "b", "(hidden)", "(hidden)"),
        DriftFinding(DriftKind.MISSING, "2", bucket="b"),
        DriftFinding(DriftKind.GONE, "3", bucket="b"),
    ]


def test_quarantined_and_just_deleted_records_are_explained() -> None:
    missing, gone = DriftFinding(DriftKind.MISSING, "1"), DriftFinding(DriftKind.GONE, "2")

    assert unexplained([missing, gone], quarantined={"1"}, deleted_since={"2"}) == []
    assert unexplained([missing, gone], quarantined={"2"}, deleted_since={"1"}) == [missing, gone]


def test_what_is_found_again_remains_and_the_rest_is_repaired() -> None:
    one, two = DriftFinding(DriftKind.DIFFERENT, "1", "name"), DriftFinding(DriftKind.MISSING, "2")
    new = DriftFinding(DriftKind.GONE, "3")

    states = {finding.record_key: finding.settlement for finding in settle([one, two], [two, new])}

    assert states == {"1": Settlement.REPAIRED, "2": Settlement.REMAINS, "3": Settlement.REMAINS}


def test_a_value_is_silent_where_the_stamp_is_the_same() -> None:
    found = [
        DriftFinding(DriftKind.DIFFERENT, "1", "name"),
        DriftFinding(DriftKind.DIFFERENT, "2", "name"),
        DriftFinding(DriftKind.DIFFERENT, "2", "system_modstamp"),
        DriftFinding(DriftKind.MISSING, "3"),
    ]

    assert silent_columns(CONTRACT, found) == {"name": 1}
