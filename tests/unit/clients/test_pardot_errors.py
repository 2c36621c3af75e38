"""Each code of Account Engagement, in the shape in which it comes, becomes the error that says what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.pardot import wire
from crm_patterns.clients.pardot.api import AccountDay
from crm_patterns.clients.pardot.errors import BY_CODE, Conflicting, Missing, Refused, judge_with
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun

MIDNIGHT = datetime(2026, 3, 2, 5, tzinfo=UTC)
judge = judge_with(lambda: MIDNIGHT)


def judged(code: int | None, status: int = 400, body: bytes | None = None, **headers: str) -> IntegrationError:
    told = json.dumps({"code": code, "message": "As the server put it"}).encode() if body is None else body
    call = Call("GET", "/api/v5/objects/prospects", "prospects")
    error = judge(call, Reply(status, headers, told, "pi.pardot.com"))
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ((66,), RetryLater),
        ((122,), OutOfBudget),
        ((62,), Conflicting),
        ((184,), SessionGone),
        ((1, 15, 46, 49, 53, 76, 88, 89), FixSettings),
        ((9, 37, 59, 71, 85, 108, 128, 129, 132), Refused),
        ((109,), Missing),
        ((130,), StopRun),
    ],
)
@pytest.mark.parametrize("status", [400, 403, 429])
def test_the_code_decides_whatever_the_status(
    codes: tuple[int, ...], expected: type[IntegrationError], status: int
) -> None:
    for code in codes:
        error = judged(code, status)

        assert type(error) is expected, code
        assert "pi.pardot.com" in str(error) or "As the server put it" in str(error)


def test_every_code_of_the_table_is_tested_above() -> None:
    assert set(BY_CODE) == {
        1,
        9,
        15,
        37,
        46,
        49,
        53,
        59,
        62,
        66,
        71,
        76,
        85,
        88,
        89,
        108,
        109,
        122,
        128,
        129,
        130,
        132,
        184,
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, SessionGone), (403, FixSettings), (404, Missing), (429, RetryLater), (500, RetryLater), (503, RetryLater),
     (400, Refused), (405, StopRun)],
)  # fmt: skip
def test_without_a_code_the_status_decides(status: int, expected: type[IntegrationError]) -> None:
    assert type(judged(None, status, b"<html>Oops</html>")) is expected
    assert type(judged(4711, status)) is expected


def test_a_crowd_is_waited_out_for_one_to_five_seconds_unless_told_otherwise() -> None:
    own, told = judged(66), judged(66, 429, **{"retry-after": "7"})

    assert isinstance(own, RetryLater)
    assert own.retry_after_s is not None
    assert 1.0 <= own.retry_after_s <= 5.0
    assert isinstance(told, RetryLater)
    assert told.retry_after_s == 7.0


def test_a_spent_day_says_when_the_next_one_begins() -> None:
    error = judged(122)

    assert isinstance(error, OutOfBudget)
    assert error.until == MIDNIGHT


def test_a_day_ends_at_midnight_of_the_zone_that_is_known() -> None:
    now = datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    told, unknown = AccountDay(None), AccountDay(None)
    told.note("2026-01-01T00:00:00-05:00")
    told.note("2026-01-01T00:00:00+09:00")

    assert unknown.ends_after(now) is None
    assert told.ends_after(now) == datetime(2026, 3, 2, 5, tzinfo=UTC)
    assert AccountDay(timezone(timedelta(hours=9))).ends_after(now) == datetime(2026, 3, 2, 15, tzinfo=UTC)


def test_a_success_is_no_error() -> None:
    assert judge(Call("DELETE", "/x", "x"), Reply(204, {}, b"", "h")) is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({"x-api-usage": "12/25000"}, (12, 25_000)), ({"x-api-usage": "12 of 25000"}, (12, 25_000)), ({}, None)],
)
def test_usage_is_read_where_it_is_told(headers: dict[str, str], expected: tuple[int, int] | None) -> None:
    assert wire.read_usage(headers) == expected


def test_values_keep_their_kinds_there_and_back() -> None:
    custom = [{"fieldId": "Seats", "type": "Number"}, {"fieldId": "Day__c", "type": "Date"}, {"fieldId": "Many", "type": "Checkbox"}]  # noqa: E501 # fmt: skip
    known = wire.read_description(custom).by_name

    assert wire.read_value("3.50", known["seats__c"]) == Decimal("3.50")
    assert wire.read_value("soon", known["day__c"]) == "soon"
    assert wire.read_value(["a", "b"], known["many__c"]) == "a;b"
    assert wire.write_value("a; b", known["many__c"]) == ["a", "b"]
    assert wire.read_value("2026-03-02T00:00:00-05:00", known["updatedat"]) == MIDNIGHT
    assert wire.write_stamp(MIDNIGHT.astimezone(timezone(timedelta(hours=2)))) == "2026-03-02T05:00:00+00:00"
    assert [wire.write_value(each, known["optedout"]) for each in (True, False, None)] == [True, False, None]
    assert known["seats__c"].kind is FieldKind.DECIMAL
