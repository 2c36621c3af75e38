"""Marketo's answers → what to do about them, without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.marketo.errors import AlreadyQueued, Refused, Shaky, judge, next_day
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import BulkSpent, FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun

READ = Call("GET", "/rest/v1/leads.json", "leads")
WRITE = Call("POST", "/rest/v1/leads.json", "a batch of 2 leads", repeatable=False)
DATE = "Tue, 24 Nov 2026 22:00:00 GMT"


def answered(code: str, message: str = "because", *, call: Call = READ, **headers: str) -> IntegrationError | None:
    body = {"requestId": "e42b#1", "success": False, "errors": [{"code": code, "message": message}]}
    return judge(call, Reply(200, headers, json.dumps(body).encode(), "123-abc-456.mktorest.com"))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("502", RetryLater),
        ("600", StopRun),
        ("601", SessionGone),
        ("602", SessionGone),
        ("603", FixSettings),
        ("604", RetryLater),
        ("605", StopRun),
        ("606", RetryLater),
        ("607", OutOfBudget),
        ("608", RetryLater),
        ("609", StopRun),
        ("610", FixSettings),
        ("611", Shaky),
        ("614", Shaky),
        ("615", RetryLater),
        ("616", FixSettings),
        ("713", RetryLater),
        ("719", RetryLater),
        ("1003", Refused),
        ("1006", FixSettings),
        ("1011", FixSettings),
        ("1016", RetryLater),
        ("1018", FixSettings),
        ("1022", RetryLater),
        ("1025", FixSettings),
        ("1035", FixSettings),
        ("4711", Refused),
    ],
)
def test_each_code_has_its_reaction_though_http_says_200(code: str, error: type[IntegrationError]) -> None:
    assert type(answered(code)) is error


@pytest.mark.parametrize(("code", "wait_s"), [("606", 20.0), ("615", 1.0), ("1022", 5.0), ("1016", 120.0)])
def test_each_limit_is_waited_for_as_long_as_it_takes(code: str, wait_s: float) -> None:
    error = answered(code)

    assert isinstance(error, RetryLater)
    assert error.retry_after_s is not None
    assert wait_s <= error.retry_after_s <= wait_s * 1.25


def test_a_spent_day_ends_at_midnight_us_central_by_the_servers_clock() -> None:
    error = answered("607", date=DATE)

    assert isinstance(error, OutOfBudget)
    assert error.until == datetime(2026, 11, 25, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 11, 1, 4, 59, tzinfo=UTC), datetime(2026, 11, 1, 5, tzinfo=UTC)),  # still summer time
        (datetime(2026, 11, 1, 5, 0, tzinfo=UTC), datetime(2026, 11, 2, 6, tzinfo=UTC)),  # a day of 25 hours
        (datetime(2026, 3, 8, 7, 0, tzinfo=UTC), datetime(2026, 3, 9, 5, tzinfo=UTC)),  # a day of 23 hours
    ],
)
def test_the_day_ends_rightly_where_the_clocks_are_changed(now: datetime, until: datetime) -> None:
    assert next_day(now) == until


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Export daily quota 500MB exceeded.", BulkSpent),
        ("Too many jobs (10) in queue", RetryLater),
        ("The export job is already queued", AlreadyQueued),
    ],
)
def test_one_code_says_three_things_of_extracts(message: str, error: type[IntegrationError]) -> None:
    assert type(answered("1029", message)) is error


@pytest.mark.parametrize("code", ["500", "604", "713"])
def test_a_change_that_may_have_been_carried_out_is_unanswered(code: str) -> None:
    assert type(answered(code, call=WRITE)) is Unanswered
    assert type(answered(code, call=READ)) is RetryLater


@pytest.mark.parametrize("code", ["606", "608", "615", "719", "1022"])
def test_a_change_that_was_not_begun_may_be_sent_again(code: str) -> None:
    assert type(answered(code, call=WRITE)) is RetryLater


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error":"invalid_client"}', FixSettings),
        (413, b"", Refused),
        (414, b"<html>", StopRun),
        (502, b"<html>Bad Gateway</html>", RetryLater),
        (404, b"Not Found", Refused),
    ],
)
def test_the_few_true_statuses_have_theirs(status: int, body: bytes, error: type[IntegrationError]) -> None:
    assert type(judge(READ, Reply(status, {}, body, "h"))) is error


def test_a_warning_beside_success_is_no_error() -> None:
    body = {"success": True, "result": [], "errors": [{"code": "1003", "message": "careful"}]}

    assert judge(READ, Reply(200, {}, json.dumps(body).encode(), "h")) is None


def test_braces_in_marketos_words_do_no_harm() -> None:
    assert "{0} {x}" in str(answered("1003", "{0} {x}"))
