"""
Account Engagement's answers → what to do about them. One table by error code, one by HTTP status for answers without.

"Error Codes" of the Account Engagement API guide. The status is coarse: 66 comes under 400 as well as under 429.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.pardot.wire import Problem, read_problem
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    `says` and `fix` may name {about}, {host}, {text} (the server's own words), {code} and {status}.

    `wait_s`: (from, to) seconds to wait where the server does not say; None leaves it to the growing pause.
    """

    error: type[IntegrationError]
    says: str
    fix: str = ""
    wait_s: tuple[float, float] | None = None


class Refused(StopRun):
    """The call was refused, nothing was written, and the same call would be refused again."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem, fix=fix)
        self.told = Problem()


class Missing(Refused):
    """There is no such thing, or this user may not see it."""


class Conflicting(Refused):
    """Somebody else was writing the record. The same may be taken in a while."""


_REFUSED = "Account Engagement refused {about}: {text} (code {code})."
_USER = "Check the API user in Account Engagement: its role, and that it is linked to the Salesforce user."
_CONNECTOR = "Write it in Salesforce, and let the connector carry it."

BY_CODE: dict[int, Reaction] = {
    1: Reaction(FixSettings, _REFUSED, _USER),
    9: Reaction(Refused, _REFUSED),
    15: Reaction(FixSettings, _REFUSED, _USER),
    37: Reaction(Refused, _REFUSED, _CONNECTOR),
    46: Reaction(FixSettings, "The API user lacks a permission for {about}: {text} (code {code}).", _USER),
    49: Reaction(FixSettings, "The API user lacks a permission for {about}: {text} (code {code}).", _USER),
    53: Reaction(FixSettings, _REFUSED, "Allow this network's address in Account Engagement."),
    59: Reaction(Refused, _REFUSED, _CONNECTOR),
    62: Reaction(Conflicting, "Somebody else was writing at {about}: {text}"),
    66: Reaction(RetryLater, "More than five calls at once at {host}: {text}", wait_s=(1.0, 5.0)),
    71: Reaction(Refused, _REFUSED),
    76: Reaction(FixSettings, "The API of this account is switched off: {text}", "Ask Salesforce to enable it."),
    85: Reaction(Refused, _REFUSED),
    88: Reaction(FixSettings, _REFUSED, "The account takes no calls of this API version."),
    89: Reaction(FixSettings, _REFUSED, "The account takes no calls of this API version."),
    108: Reaction(Refused, _REFUSED),
    109: Reaction(Missing, "Account Engagement has no {about}: {text}"),
    122: Reaction(
        OutOfBudget,
        "The business unit's calls of today are spent: {text}",
        "They are there again at midnight of the account's time zone; larger editions have more.",
    ),
    128: Reaction(Refused, _REFUSED, "Campaigns are connected: change them in Salesforce."),
    129: Reaction(Refused, _REFUSED, "Campaigns are connected: change them in Salesforce."),
    130: Reaction(StopRun, _REFUSED),
    132: Reaction(Refused, _REFUSED),
    184: Reaction(
        SessionGone,
        "Account Engagement at {host} does not accept the access token: {text}",
        "Check that the app has the scope pardot_api, the business unit's id, and the host: developer orgs and "
        "Salesforce sandboxes are at pi.demo.pardot.com. " + _USER,
    ),
}

BY_STATUS: dict[int, Reaction] = {
    401: BY_CODE[184],
    403: Reaction(FixSettings, "Account Engagement at {host} forbids {about}: {text}", _USER),
    404: Reaction(Missing, "Account Engagement at {host} has no {about}.", "Check the host on the connection."),
    414: Reaction(StopRun, "The request for {about} is too long for Account Engagement."),
    429: BY_CODE[66],
}


def judge_with(until: Callable[[], datetime | None]) -> Callable[[Call, Reply], IntegrationError | None]:
    """A judge that knows when the day's calls are there again."""

    def judge(call: Call, reply: Reply) -> IntegrationError | None:
        """The error of an answer, or None. The code decides; a status says less."""
        if reply.status < 300:
            return None
        problem = read_problem(reply.body)
        error = _error(reaction_to(problem, reply.status), call, reply, problem)
        if isinstance(error, OutOfBudget):
            error.until = until()
        return error

    return judge


def reaction_to(problem: Problem, status: int) -> Reaction:
    """What the tables say; what they do not know passes where the server failed, and is final where it refused."""
    found = BY_CODE.get(problem.code) or BY_STATUS.get(status)
    if found is None and status >= 500:
        found = Reaction(RetryLater, "Account Engagement at {host} answered {about} with HTTP {status}: {text}")
    return found or Reaction(Refused if status == 400 else StopRun, _REFUSED)


def _error(reaction: Reaction, call: Call, reply: Reply, problem: Problem) -> IntegrationError:
    words = {
        "about": call.about,
        "host": reply.host,
        "text": problem.text or f"HTTP {reply.status} without a text",
        "code": problem.code or f"HTTP {reply.status}",
        "status": reply.status,
    }
    error = reaction.error(reaction.says.format(**words), fix=reaction.fix.format(**words))
    if isinstance(error, RetryLater):
        error.retry_after_s = reply.retry_after_s
        if error.retry_after_s is None and reaction.wait_s is not None:
            error.retry_after_s = random.uniform(*reaction.wait_s)  # noqa: S311 - spreads load, guards nothing
    if isinstance(error, Refused):
        error.told = problem
    return error
