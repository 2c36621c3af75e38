"""
Before a change is sent: may it have arrived already, and is the record still what the plan was made for?

Whatever was noted and not settled may be at the target. It is looked for, and sent again only where it is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from crm_patterns.core.changes import Action, Change, Fate, RecordOutcome
from crm_patterns.core.ports import Answer, Intent, RunKey, WriteAnswer
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import print_of
from crm_patterns.patterns.conflicts import Policy


class Standing(StrEnum):
    """How a change stands when its turn comes."""

    NEW = "new"  # it was never sent
    IN_FLIGHT = "in flight"  # it may have been written by an earlier try of ours
    THEIRS = "theirs"  # another run noted it, and may be writing it now
    OVER = "over"  # its outcome is known


def standing(intent: Intent | None, run: RunKey, *, anew: bool) -> Standing:
    """`intent` is what was known of a change before it was noted now; `anew` sends what was rejected once more."""
    if intent is None:
        return Standing.NEW
    if intent.outcome is None:
        return Standing.IN_FLIGHT if intent.run == run else Standing.THEIRS
    if intent.outcome.fate is Fate.REJECTED:
        return Standing.NEW if anew else Standing.OVER
    is_over = intent.run == run and intent.outcome.fate is not Fate.DEFERRED
    return Standing.OVER if is_over else Standing.NEW


@dataclass(frozen=True, slots=True)
class Due:
    """
    What is left to send, or the outcome where nothing is. `stays_open`: it is not known, and asked again later.

    `change` holds all fields that are as planned once it is sent; what is there already is not sent again.
    """

    change: Change
    send: Change | None = None
    outcome: RecordOutcome | None = None
    stays_open: bool = False
    note: str = ""


def due(
    change: Change, present: Sequence[TargetRecord], *, in_flight_since: datetime | None, now: datetime, lag_s: float
) -> Due:
    """
    What to do with a change, given the records that were found for it.

    `in_flight_since` None: it was never sent. `lag_s`: so long a write may not be found although it arrived.
    """
    living = [record for record in present if not record.is_deleted and not record.merged_into]
    match change.action:
        case Action.CREATE:
            return _due_create(change, living, in_flight_since, now=now, lag_s=lag_s)
        case Action.DELETE:
            return Due(change, send=change) if living else _over(change, Fate.DELETED)
    if not living:
        return _later(change, "The record is gone, or was merged, since it was planned. The next run plans anew.")
    return _due_update(change, living[0])


def _due_create(
    change: Change, found: Sequence[TargetRecord], since: datetime | None, *, now: datetime, lag_s: float
) -> Due:
    if len(found) > 1:
        ids = ", ".join(record.record_id for record in found)
        return _over(
            change, Fate.REJECTED, rule="duplicates", reason=f"Several records hold its key ({ids}). Merge them."
        )
    if found and since is not None:
        return _over(change, Fate.CREATED, record_id=found[0].record_id)
    if found:
        return _later(change, f"Somebody created it meanwhile ({found[0].record_id}). The next run links it.")
    if since is None:
        return Due(change, send=change)
    if change.lookup is None:
        reason = (
            f"It may have been created at {since.isoformat()}, and the target has no key to look it up by. "
            "Look for it; if it is not there, replay it."
        )
        return _over(change, Fate.REJECTED, rule="unknown_outcome", reason=reason)
    if now < since + timedelta(seconds=lag_s):
        return _later(change, "It may have been created, and cannot be seen yet.", stays_open=True)
    return Due(change, send=change)


def _due_update(change: Change, record: TargetRecord) -> Due:
    """Fields that hold what was planned on are sent, those that hold the new value already are not."""
    there = {each.name: print_of(record.values.get(each.name)) for each in change.fields}
    arrived = [each for each in change.fields if there[each.name] == print_of(each.after)]
    to_send = [each for each in change.fields if each not in arrived and there[each.name] == print_of(each.before)]
    overtaken = [each.name for each in change.fields if each not in arrived and each not in to_send]
    note = f"Edited since it was planned, and left alone: {', '.join(overtaken)}." if overtaken else ""
    if to_send:
        whole = replace(change, fields=(*arrived, *to_send))
        return Due(whole, send=replace(change, fields=tuple(to_send)), note=note)
    if not arrived:
        return _later(change, note)
    return replace(_over(replace(change, fields=tuple(arrived)), Fate.UPDATED, reason=note), note=note)


def outcome_of(change_id: str, change: Change, answer: WriteAnswer, *, tries: int, most_tries: int) -> RecordOutcome:
    """
    The target's answer as the change's outcome. `tries` counts how often it said later, or nothing, before.

    UNKNOWN comes out as DEFERRED until then: the change has to be looked for.
    """
    told = RecordOutcome(
        change_id, Fate.REJECTED, answer.record_id or change.record_id, answer.reason, answer.rule, answer.field_name,
        answer.allowed,
    )  # fmt: skip
    match answer.answer:
        case Answer.ACCEPTED:
            fate = {Action.CREATE: Fate.CREATED, Action.DELETE: Fate.DELETED}.get(change.action, Fate.UPDATED)
            if change.action is Action.CREATE and not answer.created:
                fate = Fate.UPDATED
            return replace(told, fate=fate)
        case Answer.REJECTED:
            return told
        case Answer.LATER | Answer.UNKNOWN if tries + 1 >= most_tries:
            reason = f"{answer.reason} It was tried {tries + 1} times; replay it when the cause is gone.".strip()
            return replace(told, reason=reason, rule=answer.rule or "tries")
    return replace(told, fate=Fate.DEFERRED)


def is_urgent(change: Change) -> bool:
    """Restrictions go ahead of everything else."""
    return any(each.rule == Policy.MOST_RESTRICTIVE for each in change.fields)


def _over(change: Change, fate: Fate, *, record_id: str = "", reason: str = "", rule: str = "") -> Due:
    outcome = RecordOutcome(change.change_id, fate, record_id or change.record_id, reason=reason, rule=rule)
    return Due(change, outcome=outcome)


def _later(change: Change, reason: str, *, stays_open: bool = False) -> Due:
    outcome = RecordOutcome(change.change_id, Fate.DEFERRED, change.record_id, reason=reason)
    return Due(change, outcome=outcome, stays_open=stays_open)
