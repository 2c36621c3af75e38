"""Each answer of Salesforce has one reaction, said in a sentence with the fix."""

from __future__ import annotations

import json

import pytest

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.salesforce.errors import BY_CODE, BY_STATUS, BulkNotServed, Gone, WrongJobState, judge
from crm_patterns.clients.salesforce_sign_in.sign_in import judge_sign_in
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import (
    BulkSpent,
    FixSettings,
    IntegrationError,
    OutOfBudget,
    RetryLater,
    SchemaMoved,
    StopRun,
)

CALL = Call("GET", "/services/data/v62.0/query", "rows of Opportunity")
HOST = "acme.my.salesforce.com"


def answer(status: int, code: str = "", text: str = "some text", **headers: str) -> Reply:
    body = json.dumps([{"errorCode": code, "message": text}]).encode() if code else text.encode()
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, HOST)


@pytest.mark.parametrize(
    ("reply", "reaction"),
    [
        (answer(401, "INVALID_SESSION_ID"), SessionGone),
        (answer(401, "INVALID_AUTH_HEADER"), SessionGone),
        (answer(401, ""), SessionGone),
        (answer(403, "API_DISABLED_FOR_ORG"), FixSettings),
        (answer(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), OutOfBudget),
        (
            answer(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
            RetryLater,
        ),
        (answer(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."), RetryLater),
        (answer(403, "REQUEST_LIMIT_EXCEEDED", "?", sforce_limit_info="api-usage=9/9"), OutOfBudget),
        (answer(403, "REQUEST_LIMIT_EXCEEDED", "?", sforce_limit_info="api-usage=1/9"), RetryLater),
        (answer(400, "LIMIT_EXCEEDED", "Max bulk v2 query jobs (10000) per 24 hrs has been reached"), BulkSpent),
        (answer(400, "INVALIDENTITY", "Entity 'TaskStatus' is not supported by the Bulk API."), BulkNotServed),
        (answer(400, "INVALID_FIELD", "No such column 'X' on entity 'Opportunity'"), SchemaMoved),
        (answer(400, "INVALID_TYPE"), FixSettings),
        (answer(400, "MALFORMED_QUERY"), StopRun),
        (answer(400, "QUERY_TIMEOUT"), RetryLater),
        (answer(400, "INVALIDJOBSTATE"), WrongJobState),
        (answer(403, "INSUFFICIENT_ACCESS"), FixSettings),
        (answer(403, "SOMETHING_NEW"), FixSettings),
        (answer(404, "NOT_FOUND"), Gone),
        (answer(404, ""), Gone),
        (answer(409, "SOMETHING_NEW"), StopRun),
        (answer(400, "SOMETHING_NEW"), StopRun),
        (answer(302, ""), StopRun),
        (answer(420, ""), RetryLater),
        (answer(429, ""), RetryLater),
        (answer(500, "UNKNOWN_EXCEPTION"), RetryLater),
        (answer(500, "SOMETHING_NEW"), RetryLater),
        (answer(503, "", "<html>Maintenance</html>"), RetryLater),
        (answer(502, "", ""), RetryLater),
    ],
)
def test_each_answer_has_one_reaction(reply: Reply, reaction: type[IntegrationError]) -> None:
    error = judge(CALL, reply)

    assert type(error) is reaction
    assert error is not None
    assert "{" not in str(error)
    assert len(str(error)) > 20


def test_the_body_is_believed_before_the_status() -> None:
    assert isinstance(judge(CALL, answer(403, "SERVER_UNAVAILABLE")), RetryLater)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_error(status: int) -> None:
    assert judge(CALL, answer(status)) is None


def test_a_retry_after_is_handed_on() -> None:
    error = judge(CALL, answer(503, "", retry_after="7"))

    assert isinstance(error, RetryLater)
    assert error.retry_after_s == 7.0


def test_sentences_name_the_host_or_the_matter() -> None:
    for code in BY_CODE:
        said = str(judge(CALL, answer(400, code, "the server's words")))
        assert HOST in said or "Opportunity" in said or "the server's words" in said or "org's" in said, code


def test_a_text_with_braces_is_only_text() -> None:
    assert "{x} {0}" in str(judge(CALL, answer(400, "MALFORMED_QUERY", "unexpected {x} {0}")))


def test_every_status_of_the_table_is_one_that_says_something_of_its_own() -> None:
    assert all(300 <= status < 500 for status in BY_STATUS)


@pytest.mark.parametrize(
    ("error", "text", "fix"),
    [
        ("invalid_grant", "authentication failure", "password and security token"),
        ("invalid_grant", "expired certificate", "certificate"),
        ("invalid_client", "invalid client credentials", "consumer_secret"),
        ("invalid_client_id", "client identifier invalid", "consumer_key"),
        ("invalid_request", "request not supported on this domain", "My Domain"),
        ("brand_new_error", "?", "credentials on the connection"),
    ],
)
def test_a_refused_sign_in_is_a_matter_of_settings(error: str, text: str, fix: str) -> None:
    body = json.dumps({"error": error, "error_description": text}).encode()

    refused = judge_sign_in(Call("POST", "", "the sign-in (jwt)"), Reply(400, {}, body, HOST))

    assert isinstance(refused, FixSettings)
    assert HOST in refused.problem
    assert text in refused.problem
    assert fix in refused.fix


def test_too_many_sign_ins_pass_by_themselves() -> None:
    body = b'{"error":"rate_limit_exceeded","error_description":"slow down"}'

    assert isinstance(judge_sign_in(CALL, Reply(400, {}, body, HOST)), RetryLater)


def test_a_soap_fault_is_read() -> None:
    fault = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><detail>'
        b'<sf:LoginFault xmlns:sf="urn:fault.partner.soap.sforce.com">'
        b"<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>"
        b"<sf:exceptionMessage>Invalid username, password, security token; or user locked out.</sf:exceptionMessage>"
        b"</sf:LoginFault></detail></e:Fault></e:Body></e:Envelope>"
    )

    error = judge_sign_in(CALL, Reply(500, {}, fault, HOST))

    assert isinstance(error, FixSettings)
    assert "user locked out" in error.problem
    assert "security token" in error.fix
