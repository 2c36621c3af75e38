"""What a run's end is told with: the ledger's outcomes, an incident that keeps one failure from being told twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey, RunSummary
from crm_patterns.core.records import RejectionClass
from crm_patterns.core.schema_changes import Severity
from crm_patterns.notices import callback_context as told
from crm_patterns.notices import drift_messages, messages
from crm_patterns.notices.blocks import Message
from crm_patterns.notices.messages import Fault, FieldChange, RunFacts, SetAside

if TYPE_CHECKING:
    from crm_patterns.patterns.guards import Asked
    from crm_patterns.state import OperationalState
    from crm_patterns.state.quarantine import RejectionGroup

log = logging.getLogger(__name__)

STATE_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a notice goes and where it finds what to say."""

    slack_conn_id: str
    state_conn_id: str

    def send(self, message: Message) -> bool:
        from crm_patterns.notices.slack import send

        return send(self.slack_conn_id, message)

    @contextmanager
    def state(self) -> Iterator[OperationalState]:
        from crm_patterns.state import open_state

        state = open_state(BaseHook.get_connection(self.state_conn_id), patience_s=STATE_PATIENCE_S)
        try:
            yield state
        finally:
            state.close()


def announce_failure(context: Mapping[str, Any], channel: Channel) -> None:
    """One message per failed run; see RunFailedNotice."""
    run, run_type = told.run_of(context)
    scope = incident_scope(run, run_type)
    try:
        with channel.state() as state:
            faults = faults_of(context, run, state.summary(run))
            is_news = state.open_incident(scope, run=run, problem=_sentence(faults), at=datetime.now(UTC))
    except Exception as fault:  # noqa: BLE001 - the message matters more than the ledger
        log.error("The operational state does not answer (%s: %s); the notice says less.", type(fault).__name__, fault)
        channel.send(messages.failed(told.facts_of(run, run_type), faults_of(context, run, None)))
        return
    if not is_news:
        log.info("The failure of %s was announced already.", run.run_id)
        return
    if not channel.send(messages.failed(told.facts_of(run, run_type), faults)):
        with channel.state() as state:
            state.withdraw_incident(scope, run=run)


def announce_deferral(context: Mapping[str, Any], channel: Channel) -> None:
    """
    One message when objects of a DAG begin to wait for quota, one when none of them waits any more.

    Not each hour: the incident is the object's. A backfill's window is its own; it fails instead of waiting.
    """
    run, run_type = told.run_of(context)
    if run_type == told.BACKFILL:
        return
    scope = f"{run.dag_id}/deferred"
    with channel.state() as state:
        summary = state.summary(run)
        outcomes = summary.outcomes if summary else ()
        deferred = {o.object_name: o.problem for o in outcomes if o.state is RunState.DEFERRED}
        caught_up = [o.object_name for o in outcomes if o.state in (RunState.SUCCESS, RunState.PARTIAL)]
        news = state.settle_deferral(scope, deferred=deferred, caught_up=caught_up, at=datetime.now(UTC))
    facts = told.facts_of(run, run_type)
    if news.began and not channel.send(messages.deferred(facts, objects=news.waiting, reason=news.reason)):
        with channel.state() as state:
            for name in news.waiting:
                state.withdraw_incident(scope, run=RunKey(scope, name))
    if news.ended:
        channel.send(messages.caught_up(facts, objects=news.waiting))


def announce_question(
    context: Mapping[str, Any], channel: Channel, *, task_id: str, alarm: Asked, wait: timedelta
) -> None:
    """A person has to approve what a task is about to publish."""
    run, run_type = told.run_of(context)
    page = told.task_url(run, task_id)
    facts = told.facts_of(run, run_type)
    asked = messages.question(
        facts, name=alarm.object_name, reason=alarm.reason, page=page, looked_at=alarm.page, wait=wait
    )
    channel.send(asked)


def announce_recovery(context: Mapping[str, Any], channel: Channel) -> None:
    """Green again, or green with something set aside; see RunRecoveredNotice."""
    run, run_type = told.run_of(context)
    with channel.state() as state:
        summary = state.summary(run)
        is_partial = summary is not None and any(o.state is RunState.PARTIAL for o in summary.outcomes)
        is_partial = is_partial and not state.findings(run)  # these have a message of their own
        groups = state.rejections(run, limit=messages.SHOWN) if is_partial else ()
        problem = state.close_incident(incident_scope(run, run_type), at=datetime.now(UTC))
    facts = told.facts_of(run, run_type)
    if is_partial and summary is not None:
        channel.send(partial_message(facts, summary, groups, problem))
    elif problem is not None:
        channel.send(messages.recovered(facts, problem))


def announce_schema_changes(context: Mapping[str, Any], channel: Channel) -> None:
    """Every recorded change of a field that nobody was told of; see SchemaChangedNotice."""
    run, run_type = told.run_of(context)
    now = datetime.now(UTC)
    with channel.state() as state:
        found = state.claim_schema_notice(run.dag_id, at=now)
    if not found:
        return
    changes = [FieldChange(r.object_name, r.change.sentence, r.change.severity is Severity.HIGH) for r in found]
    if not channel.send(messages.schema_changed(told.facts_of(run, run_type), changes)):
        with channel.state() as state:
            state.withdraw_schema_notice(run.dag_id, at=now)


def announce_drift(context: Mapping[str, Any], channel: Channel) -> None:
    """What differed, and fields newly seen to change without a stamp; see DriftNotice."""
    run, run_type = told.run_of(context)
    with channel.state() as state:
        found = state.findings(run)
        silent = [change for change in state.silent_changes(run) if change.is_new]
    if found or silent:
        channel.send(drift_messages.drift(told.facts_of(run, run_type), found, silent))


def incident_scope(run: RunKey, run_type: str) -> str:
    """Runs of one DAG share an incident, except that each run of a backfill has its own."""
    return f"{run.dag_id}/{run.run_id}" if run_type == told.BACKFILL else run.dag_id


def faults_of(context: Mapping[str, Any], run: RunKey, summary: RunSummary | None) -> Sequence[Fault]:
    """The failed objects of the ledger; where it has none, the task that failed and Airflow's reason."""
    outcomes = summary.outcomes if summary else ()
    faults = [
        Fault(
            name=outcome.object_name,
            problem=outcome.problem or "It failed without a word.",
            fix=outcome.fix,
            step=outcome.failed_step,
            log_url=told.task_url(run, told.task_id_of(context, outcome.object_name, outcome.failed_step)),
        )
        for outcome in outcomes
        if outcome.state is RunState.FAILED
    ]
    return faults or [told.fault_without_ledger(context, run)]


def partial_message(
    facts: RunFacts, summary: RunSummary, groups: Sequence[RejectionGroup], recovered_from: str | None
) -> Message:
    touched = [o.object_name for o in summary.outcomes if o.tally.rejected or o.tally.deferred]
    return messages.partial(
        facts,
        rejected=summary.tally.rejected,
        deferred=summary.tally.deferred,
        objects=touched or [o.object_name for o in summary.outcomes if o.state is RunState.PARTIAL],
        reasons=[SetAside(group.object_name, reason_of(group), group.records) for group in groups],
        recovered_from=recovered_from,
    )


def reason_of(group: RejectionGroup) -> str:
    """An expectation's sentence is about the rule; the other reasons may quote a value, which has no place in Slack."""
    if group.rejection is RejectionClass.EXPECTATION and group.reason:
        return group.reason
    return f"{group.field_name}: {group.rule}" if group.field_name else group.rule


def _sentence(faults: Sequence[Fault]) -> str:
    more = f" ({len(faults) - 1} more objects failed)" if len(faults) > 1 else ""
    return f"{faults[0].name}: {faults[0].problem}{more}"
