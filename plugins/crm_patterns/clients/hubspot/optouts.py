"""
Opt-outs, which are no property one may write: they go to the subscriptions of an e-mail address.

HubSpot lets nobody be opted in again this way, and neither do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from crm_patterns.clients.hubspot.api import HubSpotApi
from crm_patterns.clients.hubspot.errors import Refused
from crm_patterns.clients.hubspot.wire import OPT_OUT
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.core.changes import Change
from crm_patterns.core.errors import IntegrationError, OutOfBudget, RetryLater
from crm_patterns.core.ports import Answer, WriteAnswer
from crm_patterns.core.targets import TargetRecord

_PATH = "/communication-preferences/v4/statuses"


def has_opt_out(change: Change) -> bool:
    return any(each.name == OPT_OUT for each in change.fields)


def without_opt_out(change: Change) -> Change:
    """The change but for its opt-out."""
    return replace(change, fields=tuple(each for each in change.fields if each.name != OPT_OUT))


def opt_out(api: HubSpotApi, change: Change, record: TargetRecord | None) -> WriteAnswer:
    """Unsubscribe the contact's address from all e-mail. Said twice, it stays said."""
    if change.wanted[OPT_OUT] is not True:
        return _refused(change, "HubSpot lets nobody be subscribed again by its API.", "OPT_IN")
    email = str(record.values.get("email") or "") if record is not None else ""
    if not email:
        return _refused(change, "The contact has no e-mail address to be unsubscribed.", "NO_EMAIL")
    path, about = f"{_PATH}/{quote(email, safe='')}/unsubscribe-all", "an opt-out"
    try:
        api.change("POST", path, about, params={"channel": "EMAIL"}, again=True)
    except Refused as error:
        return _refused(change, error.problem, error.told.code or error.told.category)
    except Unanswered as error:
        return WriteAnswer(change.change_id, Answer.UNKNOWN, reason=error.problem)
    except (RetryLater, OutOfBudget) as error:
        return _later(change, error)
    return WriteAnswer(change.change_id, Answer.ACCEPTED, change.record_id)


def combined(change: Change, answers: Sequence[WriteAnswer]) -> WriteAnswer:
    """One word on a change that took two calls, in the change's own name: the worse one."""
    order = (Answer.UNKNOWN, Answer.REJECTED, Answer.LATER, Answer.ACCEPTED)
    worst = min(answers, key=lambda answer: order.index(answer.answer))
    if worst.answer in (Answer.REJECTED, Answer.LATER) and any(each.answer is Answer.ACCEPTED for each in answers):
        # Half of it is written: what the record holds now has to be looked up before anything is said of it.
        worst = replace(worst, answer=Answer.UNKNOWN)
    return replace(worst, change_id=change.change_id)


def _refused(change: Change, reason: str, rule: str) -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.REJECTED, reason=reason, rule=rule, field_name=OPT_OUT)


def _later(change: Change, error: IntegrationError) -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.LATER, reason=error.problem)
