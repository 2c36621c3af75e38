"""Requests become SOQL, and nothing but names and literals gets into a statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from crm_patterns.clients.salesforce import soql
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import KeyRange, ReadRequest
from crm_patterns.core.windows import Window, WindowKind

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def request(**changes: object) -> ReadRequest:
    given = {
        "object_name": "Opportunity",
        "fields": ("Id", "My_Field__c"),
        "cursor": "SystemModstamp",
        "window": Window(START, END, WindowKind.INCREMENTAL),
    }
    return ReadRequest(**{**given, **changes})  # type: ignore[arg-type]


def test_a_window_is_half_open_and_unsorted() -> None:
    assert soql.select(request()) == (
        "SELECT Id, My_Field__c FROM Opportunity"
        " WHERE SystemModstamp >= 2026-01-01T00:00:00Z AND SystemModstamp < 2026-01-02T03:04:05Z"
    )


def test_a_window_from_the_beginning_has_only_an_end() -> None:
    from_beginning = request(window=Window(None, END, WindowKind.FULL))

    assert soql.count(from_beginning) == "SELECT COUNT() FROM Opportunity WHERE SystemModstamp < 2026-01-02T03:04:05Z"


def test_a_range_of_keys_narrows_the_window_and_an_end_may_be_open() -> None:
    first, end = "0065g00000001Vd", "0065g00000009zzAAA"

    assert soql.count(request(keys=KeyRange(first, end))).endswith(
        f"SystemModstamp < 2026-01-02T03:04:05Z AND Id >= '{first}' AND Id < '{end}'"
    )
    assert soql.count(request(cursor=None, keys=KeyRange(first))).endswith(f"FROM Opportunity WHERE Id >= '{first}'")
    assert soql.count(request(cursor=None, keys=KeyRange())) == "SELECT COUNT() FROM Opportunity"


def test_a_key_that_is_no_id_never_gets_into_a_statement() -> None:
    with pytest.raises(StopRun, match="is not a Salesforce record id"):
        soql.select(request(keys=KeyRange("' OR Id != '")))


def test_without_a_cursor_all_rows_are_asked_for() -> None:
    assert soql.select(request(cursor=None)) == "SELECT Id, My_Field__c FROM Opportunity"


def test_literals_are_utc_and_keep_milliseconds() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone(timedelta(hours=2)))

    assert soql.literal(moment) == "2026-01-02T01:04:05.678Z"


@pytest.mark.parametrize("name", ["Id, Name", "Id FROM User--", "", "Nämé", "A.B", "x\n"])
def test_what_is_not_a_name_never_reaches_a_statement(name: str) -> None:
    with pytest.raises(StopRun, match="not a Salesforce name"):
        soql.select(request(fields=("Id", name)))
    with pytest.raises(StopRun, match="not a Salesforce name"):
        soql.select(request(object_name=name))
    with pytest.raises(StopRun, match="not a Salesforce name"):
        soql.select(request(cursor=name or "?"))


def test_many_keys_are_asked_for_in_statements_of_bounded_length() -> None:
    keys = [f"006{n:015d}" for n in range(1001)]

    texts = list(soql.cursors_of("Opportunity", cursor="SystemModstamp", keys=keys))

    assert len(texts) == 3
    assert all(sum(27 if char == "'" else 0 for char in text) / 2 < 16_000 for text in texts)
    assert sum(text.count("'") // 2 for text in texts) == 1001


@pytest.mark.parametrize("key", ["x' OR Id != '", "006", "006000000000000AAAA", ""])
def test_what_is_not_an_id_never_reaches_a_statement(key: str) -> None:
    with pytest.raises(StopRun, match="not a Salesforce record id"):
        list(soql.cursors_of("Opportunity", cursor="SystemModstamp", keys=[key]))


def test_living_activities_are_asked_of_everything_because_old_ones_are_archived() -> None:
    window = Window(None, datetime(2026, 3, 1, tzinfo=UTC), WindowKind.FULL)
    tasks = ReadRequest("Task", ("Id",), None, window, include_deleted=False)
    leads = ReadRequest("Lead", ("Id",), None, window, include_deleted=False)

    assert soql.asks_all(tasks)
    assert soql.select(tasks) == "SELECT Id FROM Task WHERE IsDeleted = false"
    assert not soql.asks_all(leads)
    assert "IsDeleted" not in soql.select(leads)
