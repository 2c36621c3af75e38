"""
Marketo's answers → what to do about them. One table by code, one by HTTP status for the few that have one.

"Error Codes" of Adobe's Marketo REST API documentation: nearly every refusal comes with HTTP 200.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from crm_patterns.clients.auth import SessionGone
from crm_patterns.clients.marketo.wire import Problem, problem_of, read_body
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.transport import Call, Reply
from crm_patterns.core.errors import BulkSpent, FixSettings, IntegrationError, OutOfBudget, RetryLater, StopRun

CENTRAL = ZoneInfo("America/Chicago")
"""Marketo's day begins at its midnight."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """
    `says` and `fix` may name {about}, {host}, {text} (Marketo's own words), {code} and {status}.

    `wait_s`: how long to wait; None leaves it to the growing pause. `unsure`: a change may have been carried out all
    the same.
    """

    error: type[IntegrationError]
    says: str = "Marketo refused {about}: {text} ({code})."
    fix: str = ""
    wait_s: float | None = None
    unsure: bool = False


class Refused(StopRun):
    """The call as a whole was refused, nothing was written, and the same call would be refused again."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem, fix=fix)
        self.told = Problem()


class Shaky(StopRun):
    """Marketo failed, in passing or because of something in the request: worth a few tries and no more."""


class AlreadyQueued(StopRun):
    """The extract was enqueued before."""


_ROLE = (
    "Give the API user's role the permissions of docs/marketo.md, and check the IP restrictions (Admin, Web Services)."
)
_TROUBLE = Reaction(RetryLater, "Marketo at {host} failed at {about}: {text} ({code}).", unsure=True)
_REFUSED = Reaction(Refused)

BY_CODE: dict[str, Reaction] = {
    "413": Reaction(Refused, "The request for {about} is larger than Marketo takes."),
    "414": Reaction(StopRun, "The address of the request for {about} is longer than Marketo takes."),
    "500": _TROUBLE,
    "502": _TROUBLE,
    "600": Reaction(StopRun, "Marketo says that {about} was asked for without a token."),
    "601": Reaction(
        SessionGone,
        "Marketo at {host} does not accept the access token: {text}.",
        "Check the API user of the custom service.",
    ),
    "602": Reaction(SessionGone, "The access token at {host} has expired: {text}."),
    "603": Reaction(FixSettings, "Marketo denies the API user {about}: {text}.", _ROLE),
    "604": Reaction(RetryLater, "Marketo took too long for {about}: {text}.", unsure=True),
    "605": Reaction(StopRun),
    "606": Reaction(RetryLater, "More calls than Marketo allows in 20 seconds: {text}.", wait_s=20.0),
    "607": Reaction(
        OutOfBudget,
        "The instance's calls of today are spent: {text}.",
        "They are there again at midnight US Central; all integrations of the instance share them.",
    ),
    "608": Reaction(RetryLater, "Marketo's API is away for the moment: {text}."),
    "609": Reaction(StopRun),
    "610": Reaction(FixSettings, "Marketo at {host} has no {about}: {text}.", "Check the host of the connection."),
    "611": Reaction(Shaky, "Marketo failed at {about}: {text} ({code})."),
    "612": Reaction(StopRun),
    "613": Reaction(StopRun),
    "614": Reaction(Shaky, "Marketo at {host} does not know the subscription: {text} ({code}).", "Check the host."),
    "615": Reaction(RetryLater, "More calls at once than Marketo allows: {text}.", wait_s=1.0),
    "616": Reaction(FixSettings, "The subscription does not allow {about}: {text}.", "Ask Adobe for the feature."),
    "703": Reaction(FixSettings, "The subscription does not have {about}: {text}.", "Ask Adobe for the feature."),
    "713": Reaction(RetryLater, "Marketo failed at {about} in passing: {text}.", unsure=True),
    "719": Reaction(RetryLater, "Marketo has locked {about}: {text}.", wait_s=2.0),
    "1006": Reaction(
        FixSettings, "Marketo has no such field: {text}.", "Correct the name in the settings, or create the field."
    ),
    "1011": Reaction(
        FixSettings, "Marketo cannot look leads up by that field: {text}.", "Have it enabled, or use the email address."
    ),
    "1016": Reaction(RetryLater, "Marketo has too many imports waiting: {text}.", wait_s=120.0),
    "1018": Reaction(
        FixSettings, "Marketo's own CRM sync forbids {about}: {text}.", "Leave it to that sync, or turn that sync off."
    ),
    "1019": Reaction(RetryLater, "Marketo is importing into the same list: {text}.", wait_s=60.0),
    "1022": Reaction(RetryLater, "Marketo is using {about}: {text}.", wait_s=5.0),
    "1025": Reaction(FixSettings, "Marketo has no such status: {text}.", "Correct the table of statuses."),
    "1035": Reaction(FixSettings, "The subscription does not allow this filter: {text}.", "Ask Adobe to enable it."),
}
"""A code that is not here refuses for good."""

QUEUE_FULL = Reaction(RetryLater, "Marketo has too many extracts waiting: {text}.", wait_s=60.0)
EXTRACTS_SPENT = Reaction(
    BulkSpent, "The instance's extracts of today are spent: {text}.", "Marketo counts them anew at midnight US Central."
)
QUEUED_ALREADY = Reaction(AlreadyQueued)

BY_STATUS: dict[int, Reaction] = {
    401: Reaction(
        FixSettings,
        "Marketo at {host} does not accept the client id and secret.",
        "Check login and password of the connection against the custom service (Admin, LaunchPoint).",
    ),
    413: BY_CODE["413"],
    414: BY_CODE["414"],
}

RECORD_LATER = frozenset({"604", "611", "713", "719", "1022"})
"""Codes of a skipped record that may pass; all others are final."""

_JITTER = 0.25


def judge(call: Call, reply: Reply) -> IntegrationError | None:
    """The error of an answer, or None. The body is read first: the status is nearly always 200."""
    data = read_body(reply.body)
    problem = problem_of(data) if data is not None else None
    if problem is None and reply.status < 300:
        return None
    reaction = reaction_to(problem or Problem(), reply.status)
    told = problem or Problem(f"HTTP {reply.status}", f"HTTP {reply.status}")
    words = {"about": call.about, "host": reply.host, "text": told.text.rstrip(".") or "no reason given",
             "code": told.code, "status": reply.status}  # fmt: skip
    kind = Unanswered if reaction.unsure and not call.repeatable else reaction.error
    error = kind(reaction.says.format(**words), fix=reaction.fix.format(**words))
    if isinstance(error, RetryLater):
        error.retry_after_s = _wait(reply, reaction)
    if isinstance(error, OutOfBudget):
        error.until = next_day(_date(reply))
    if isinstance(error, Refused):
        error.told = told
    return error


def reaction_to(problem: Problem, status: int = 200) -> Reaction:
    """What the tables say; what they do not know passes where the server failed, and is final where it refused."""
    if problem.code == "1029":
        return _of_1029(problem.text)
    found = BY_CODE.get(problem.code) or (None if problem.code else BY_STATUS.get(status))
    return found or (_TROUBLE if status >= 500 else _REFUSED)


def _of_1029(text: str) -> Reaction:
    """One code for three things. Only the words tell them apart; what none of them names is waited for."""
    words = text.lower()
    if "already" in words:
        return QUEUED_ALREADY
    return EXTRACTS_SPENT if "quota" in words else QUEUE_FULL


def next_day(now: datetime) -> datetime:
    """The next midnight of US Central, in UTC: when calls and extracts are counted anew."""
    tomorrow = now.astimezone(CENTRAL).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=CENTRAL).astimezone(UTC)


def _date(reply: Reply) -> datetime:
    """The server's clock where it tells it, else this machine's."""
    try:
        return parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return datetime.now(UTC)


def _wait(reply: Reply, reaction: Reaction) -> float | None:
    """With some jitter, so that workers do not come back all at once."""
    if reply.retry_after_s is not None or reaction.wait_s is None:
        return reply.retry_after_s
    return reaction.wait_s * random.uniform(1.0, 1.0 + _JITTER)  # noqa: S311 - spreads load, guards nothing
