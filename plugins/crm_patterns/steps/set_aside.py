"""Records that another system will not take: to quarantine, and out of it once they are accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from crm_patterns.core.changes import Change, Fate, RecordOutcome
from crm_patterns.core.ports import RunKey, State
from crm_patterns.core.records import RejectedRow, RejectionClass
from crm_patterns.core.values import text_of
from crm_patterns.patterns.conflicts import Policy

RESTRICTS = Policy.MOST_RESTRICTIVE.value


def set_aside(
    state: State,
    run: RunKey,
    target: tuple[str, str],
    changes: Sequence[Change],
    outcomes: Mapping[str, RecordOutcome],
    at: datetime,
) -> None:
    """
    Rejected records to quarantine, with what a person needs; accepted ones out of it.

    A restriction goes out also for a record that is set aside, so that it alone brings none back.
    """
    rows = [rejected_row(change, outcomes[change.change_id]) for change in changes]
    refused = [row for row in rows if row is not None]
    if refused:
        state.quarantine(run, *target, refused, stage_uri="", at=at)
    whole = [change for change in changes if not change.fields or any(f.rule != RESTRICTS for f in change.fields)]
    accepted = [change.key for change in whole if outcomes[change.change_id].is_accepted]
    state.release(*target, accepted, run=run, at=at)


def rejected_row(change: Change, outcome: RecordOutcome) -> RejectedRow | None:
    """The change as quarantine keeps it; None where it was not rejected."""
    if outcome.fate is not Fate.REJECTED:
        return None
    payload = {each.name: text_of(each.after) for each in change.fields}
    if outcome.allowed:
        payload["(allowed)"] = "; ".join(outcome.allowed)
    return RejectedRow(
        change.key, outcome.reason, RejectionClass.DESTINATION, outcome.rule, outcome.field_name, payload
    )
