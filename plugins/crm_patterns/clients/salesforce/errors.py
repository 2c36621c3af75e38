"""
Salesforce's answers → what to do about them. One table by error code, one by HTTP status for answers without a code.

Codes: "REST API Developer Guide", Status Codes and Error Responses; "Bulk API 2.0 Developer Guide", Errors.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.salesforce.wire import daily_calls_spent, read_usage
from crm_patterns.clients.salesforce_sign_in.answers import Problem, read_problem
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


@dataclass(frozen=True, slots=True)
class Reaction:
    """`says` and `fix` may name {about}, {host}, {text} (the server's own words) and {code}."""

    error: type[IntegrationError]
    says: str
    fix: str = ""


class Gone(FixSettings):
    """404: there is no such thing, or this user may not see it."""


class WrongJobState(StopRun):
    """The job is not in a state in which this can be asked of it."""


class BulkNotServed(FixSettings):
    """The object cannot be queried through the Bulk API."""


class TooManyIds(StopRun):
    """The answer would list more ids than the source gives at once; ask for a shorter span."""


class RequestRefused(StopRun):
    """A request is refused as a whole for the sake of a record in it, whose values cannot be read."""


class NotReplicated(FixSettings):
    """The source keeps no log of deletions for this object."""


_PERMISSION = "Give the integration user the permission, or take the object out of the settings."
_REFUSED = "Salesforce refused {about}: {text} ({code})."

BY_CODE: dict[str, Reaction] = {
    "INVALID_SESSION_ID": Reaction(
        SessionGone,
        "Salesforce does not accept our session at {host}: {text}",
        "Check that the user may use the API, and that session settings do not bind sessions to an address.",
    ),
    "INVALID_AUTH_HEADER": Reaction(SessionGone, "Salesforce did not accept the authorization header at {host}."),
    "API_DISABLED_FOR_ORG": Reaction(
        FixSettings,
        "The API is not enabled for this user or org at {host}.",
        "Enable it: user profile or permission set, API Enabled; the edition must include the API.",
    ),
    "API_CURRENTLY_DISABLED": Reaction(
        FixSettings, "The API of the org at {host} is switched off.", "Ask Salesforce support to enable it."
    ),
    "REQUEST_LIMIT_EXCEEDED": Reaction(
        OutOfBudget,
        "The org's API calls of the last 24 hours are spent: {text}",
        "Wait until the rolling window frees some, or buy more; Setup, Company Information shows who uses them.",
    ),
    "LIMIT_EXCEEDED": Reaction(
        BulkSpent,
        "The org's Bulk API quota of the last 24 hours is spent: {text}",
        "Wait until the rolling window frees some, or set read: rest for this object.",
    ),
    "INVALIDENTITY": Reaction(BulkNotServed, "{text}", "Set read: rest for this object."),
    "INVALID_TYPE": Reaction(
        FixSettings,
        "Salesforce knows no object as asked for in {about}: {text}",
        "Correct the object's name in the settings; " + _PERMISSION.lower(),
    ),
    "INVALID_FIELD": Reaction(SchemaMoved, "A field is gone or hidden since the object was described: {text}"),
    "MALFORMED_QUERY": Reaction(StopRun, _REFUSED),
    "JSON_PARSER_ERROR": Reaction(RequestRefused, _REFUSED),
    "QUERY_TIMEOUT": Reaction(RetryLater, "{about} took Salesforce too long: {text}", "Read a smaller window."),
    "OPERATION_TOO_LARGE": Reaction(FixSettings, _REFUSED, "The user needs View All Data, or a smaller window."),
    "INVALID_QUERY_LOCATOR": Reaction(RetryLater, "The query's cursor expired during {about}.", "Read it again."),
    "NOT_FOUND": Reaction(Gone, "Salesforce has no {about}, or this user may not see it."),
    "INVALID_ID_FIELD": Reaction(Gone, "Salesforce has no {about}."),
    "ENTITY_IS_DELETED": Reaction(Gone, "Salesforce has no {about} any more."),
    "EXCEEDED_ID_LIMIT": Reaction(TooManyIds, _REFUSED),
    "INVALID_TYPE_FOR_OPERATION": Reaction(NotReplicated, _REFUSED),
    "INVALIDJOBSTATE": Reaction(WrongJobState, _REFUSED),
    "JOB_NOT_COMPLETE": Reaction(WrongJobState, _REFUSED),
    "INSUFFICIENT_ACCESS": Reaction(FixSettings, _REFUSED, _PERMISSION),
    "INSUFFICIENT_ACCESS_OR_READONLY": Reaction(FixSettings, _REFUSED, _PERMISSION),
    "FUNCTIONALITY_NOT_ENABLED": Reaction(FixSettings, _REFUSED, _PERMISSION),
    "FEATURENOTENABLED": Reaction(FixSettings, _REFUSED, _PERMISSION),
    "API_ERROR": Reaction(FixSettings, _REFUSED, _PERMISSION),
    "SERVER_UNAVAILABLE": Reaction(RetryLater, "Salesforce at {host} is not available for {about}: {text}"),
    "UNKNOWN_EXCEPTION": Reaction(RetryLater, "Salesforce failed inside during {about}: {text}"),
    "UNABLE_TO_LOCK_ROW": Reaction(RetryLater, _REFUSED),
    "TXN_SECURITY_METERING_ERROR": Reaction(RetryLater, _REFUSED),
}

CONCURRENT = Reaction(RetryLater, "Too many long requests run in the org at once: {text}")

BY_STATUS: dict[int, Reaction] = {
    401: BY_CODE["INVALID_SESSION_ID"],
    403: Reaction(FixSettings, "Salesforce at {host} forbids {about}: {text}", _PERMISSION),
    404: Reaction(
        Gone, "Salesforce at {host} has no {about}.", "Check the object's name and the connection's API version."
    ),
    409: Reaction(
        StopRun,
        "Salesforce refused {about}: {text}",
        "A bulk job can be read only with the API version that made it; put the connection's version back.",
    ),
    412: Reaction(WrongJobState, _REFUSED),
    414: Reaction(StopRun, "The request for {about} is too long for Salesforce."),
    431: Reaction(StopRun, "The request for {about} is too long for Salesforce."),
}

_PASSING = frozenset({406, 408, 420, 425, 429})
"""Sent by edge servers in passing; everything from 500 on is taken the same way."""


def judge(call: Call, reply: Reply) -> IntegrationError | None:
    """The error of an answer, or None. The body is read first: a status says less, and sometimes something else."""
    if reply.status < 300:
        return None
    problem = read_problem(reply.body)
    reaction = BY_CODE.get(problem.code)
    if problem.code == "REQUEST_LIMIT_EXCEEDED" and not daily_calls_spent(problem, read_usage(reply.headers)):
        reaction = CONCURRENT
    if reaction is None and (reply.status >= 500 or reply.status in _PASSING):
        reaction = Reaction(RetryLater, "Salesforce at {host} answered {about} with HTTP {status}: {text}")
    if reaction is None:
        reaction = BY_STATUS.get(reply.status) or Reaction(StopRun, _REFUSED)
    return _error(reaction, call, reply, problem)


def _error(reaction: Reaction, call: Call, reply: Reply, problem: Problem) -> IntegrationError:
    words = {
        "about": call.about,
        "host": reply.host,
        "text": problem.text or f"HTTP {reply.status} without a text",
        "code": problem.code or f"HTTP {reply.status}",
        "status": reply.status,
    }
    sentence, fix = reaction.says.format(**words), reaction.fix.format(**words)
    if issubclass(reaction.error, RetryLater):
        return reaction.error(sentence, fix=fix, retry_after_s=reply.retry_after_s)
    return reaction.error(sentence, fix=fix)
