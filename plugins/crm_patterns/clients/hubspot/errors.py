"""
HubSpot's answers → what to do about them. One table by category, one by HTTP status for answers without a category.

"Error handling" and "API usage guidelines" of HubSpot's API documentation.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.hubspot.wire import Problem, read_problem
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    `says` and `fix` may name {about}, {host}, {text} (the server's own words), {category}, {status} and {scopes}.

    `wait_s`: how long to wait where the server does not say; None leaves it to the growing pause.
    """

    error: type[IntegrationError]
    says: str
    fix: str = ""
    wait_s: float | None = None


class Refused(StopRun):
    """The call as a whole was refused, nothing was written, and the same call would be refused again."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem, fix=fix)
        self.told = Problem()


class Missing(Refused):
    """404: there is no such thing, or this app may not see it."""


_REFUSED = "HubSpot refused {about}: {text} ({category})."
_SCOPE = "Add {scopes} to the app's scopes at HubSpot; a private app then has the same token, OAuth a new consent."

BY_CATEGORY: dict[str, Reaction] = {
    "EXPIRED_AUTHENTICATION": Reaction(SessionGone, "The access token at {host} has expired: {text}"),
    "INVALID_AUTHENTICATION": Reaction(
        SessionGone,
        "HubSpot at {host} does not accept the access token: {text}",
        "Put a valid token on the connection: HubSpot, Settings, Integrations, Private Apps, Auth.",
    ),
    "MISSING_SCOPES": Reaction(FixSettings, "The app lacks a scope for {about}: {text}", _SCOPE),
    "BAD_REFRESH_TOKEN": Reaction(
        FixSettings, "HubSpot refused the refresh token: {text}", "Install the app anew and give its refresh_token."
    ),
    "BAD_CLIENT_SECRET": Reaction(
        FixSettings, "HubSpot refused the app's secret: {text}", "Check login and password of the connection."
    ),
    "VALIDATION_ERROR": Reaction(Refused, _REFUSED),
    "PROPERTY_DOESNT_EXIST": Reaction(Refused, _REFUSED),
    "OBJECT_NOT_FOUND": Reaction(Missing, "HubSpot has no {about}: {text}"),
    "CONFLICT": Reaction(Refused, _REFUSED, "Link to the record that there is, or take the value from it."),
    "OBJECT_ALREADY_EXISTS": Reaction(Refused, _REFUSED),
    "LOCKED": Reaction(RetryLater, "HubSpot has locked {about}: {text}", wait_s=2.0),
}

BY_POLICY: dict[str, Reaction] = {
    "TEN_SECONDLY_ROLLING": Reaction(RetryLater, "More calls than HubSpot allows in ten seconds: {text}", wait_s=10.0),
    "SECONDLY": Reaction(RetryLater, "More searches than HubSpot allows in a second: {text}", wait_s=1.0),
    "DAILY": Reaction(
        OutOfBudget,
        "The account's calls of today are spent: {text}",
        "They are there again at midnight of the account's time zone; HubSpot sells an API limit increase.",
    ),
}

BY_STATUS: dict[int, Reaction] = {
    400: Reaction(Refused, _REFUSED),
    401: BY_CATEGORY["INVALID_AUTHENTICATION"],
    403: Reaction(FixSettings, "HubSpot at {host} forbids {about}: {text}", "Check the app's scopes at HubSpot."),
    404: Reaction(Missing, "HubSpot at {host} has no {about}.", "Check the name and the connection's address."),
    405: Reaction(StopRun, _REFUSED),
    409: BY_CATEGORY["CONFLICT"],
    414: Reaction(StopRun, "The request for {about} is too long for HubSpot."),
    423: BY_CATEGORY["LOCKED"],
    429: BY_POLICY["TEN_SECONDLY_ROLLING"],
    477: Reaction(RetryLater, "HubSpot is moving the account to another data center: {text}", wait_s=60.0),
    530: Reaction(
        RetryLater,
        "HubSpot's edge at {host} answered {about} with HTTP 530.",
        "If every call ends like this, the access token on the connection is malformed.",
    ),
}

_JITTER = 0.25


def judge(call: Call, reply: Reply) -> IntegrationError | None:
    """The error of an answer, or None. The body is read first: a status says less. 207 is the batch's business."""
    if reply.status < 300:
        return None
    problem = read_problem(reply.body)
    reaction = reaction_to(problem, reply.status)
    words = {
        "about": call.about,
        "host": reply.host,
        "text": problem.text or f"HTTP {reply.status} without a text",
        "category": problem.code or problem.category or f"HTTP {reply.status}",
        "status": reply.status,
        "scopes": ", ".join(problem.scopes) or "what it lacks",
    }
    error = reaction.error(reaction.says.format(**words), fix=reaction.fix.format(**words))
    if isinstance(error, RetryLater):
        error.retry_after_s = _wait(reply, reaction)
    if isinstance(error, Refused):
        error.told = problem
    return error


def reaction_to(problem: Problem, status: int) -> Reaction:
    """What the tables say; what they do not know passes where the server failed, and is final where it refused."""
    found = BY_POLICY.get(problem.policy) or BY_CATEGORY.get(problem.category)
    if found is None:
        found = BY_STATUS.get(status)
    if found is None and status >= 500:
        found = Reaction(RetryLater, "HubSpot at {host} answered {about} with HTTP {status}: {text}")
    return found or Reaction(StopRun, _REFUSED)


def _wait(reply: Reply, reaction: Reaction) -> float | None:
    """The server's own word, else the table's with some jitter, so that workers do not come back all at once."""
    if reply.retry_after_s is not None or reaction.wait_s is None:
        return reply.retry_after_s
    return reaction.wait_s * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - spreads load, guards nothing
