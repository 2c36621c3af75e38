"""HubSpot's answers → what to do about them, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.hubspot.errors import Missing, Refused, judge
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun

CALL = Call("GET", "/crm/v3/objects/contacts", "the list of contacts")


def answered(status: int, body: Any, **headers: str) -> IntegrationError | None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(
        CALL, Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, content, "api.hub")
    )


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"category": "VALIDATION_ERROR", "message": "bad"}, Refused),
        (400, b"", Refused),
        (401, {"category": "EXPIRED_AUTHENTICATION"}, SessionGone),
        (401, {"category": "INVALID_AUTHENTICATION"}, SessionGone),
        (403, {"category": "MISSING_SCOPES"}, FixSettings),
        (404, {"category": "OBJECT_NOT_FOUND"}, Missing),
        (409, {"category": "CONFLICT", "message": "Contact already exists. Existing ID: 7"}, Refused),
        (414, b"<html>", StopRun),
        (423, {"category": "LOCKED"}, RetryLater),
        (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, RetryLater),
        (429, {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}, RetryLater),
        (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, OutOfBudget),
        (429, b"", RetryLater),
        (477, b"", RetryLater),
        (502, b"<html>Bad Gateway</html>", RetryLater),
        (521, b"", RetryLater),
        (530, b"error code: 1016", RetryLater),
        (418, b"", StopRun),
    ],
)
def test_each_answer_has_its_reaction(status: int, body: Any, error: type[IntegrationError]) -> None:
    assert type(answered(status, body)) is error


@pytest.mark.parametrize("status", [200, 201, 204, 207])
def test_success_is_no_error_and_207_is_the_business_of_the_batch(status: int) -> None:
    assert answered(status, b"") is None


@pytest.mark.parametrize(("policy", "least"), [("TEN_SECONDLY_ROLLING", 10.0), ("SECONDLY", 1.0)])
def test_without_a_retry_after_the_policy_says_how_long_to_wait(policy: str, least: float) -> None:
    error = answered(429, {"policyName": policy})

    assert isinstance(error, RetryLater)
    assert error.retry_after_s is not None
    assert least <= error.retry_after_s <= least * 1.25


def test_a_retry_after_wins_over_the_policy() -> None:
    error = answered(429, {"policyName": "TEN_SECONDLY_ROLLING"}, retry_after="7")

    assert isinstance(error, RetryLater)
    assert error.retry_after_s == 7.0


def test_a_server_that_failed_leaves_the_pause_to_us() -> None:
    error = answered(503, b"")

    assert isinstance(error, RetryLater)
    assert error.retry_after_s is None


def test_missing_scopes_are_named() -> None:
    context = {"context": {"requiredGranularScopes": ["crm.objects.contacts.read"]}}

    error = answered(403, {"category": "MISSING_SCOPES", "message": "no", "errors": [{"message": "no", **context}]})

    assert "crm.objects.contacts.read" in str(error)


def test_braces_in_the_servers_words_do_no_harm() -> None:
    assert "{0} {x}" in str(answered(400, {"category": "VALIDATION_ERROR", "message": "{0} {x}"}))
