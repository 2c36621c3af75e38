"""Steps that ask a person, on the task's page in Airflow, before they do something abnormal."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import TaskAwaitingInput

from crm_patterns.operators.run_step import RunStep, run_key

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.core.ports import State
    from crm_patterns.patterns.guards import Asked

APPROVE, REJECT = "Approve", "Reject"


class AsksAPerson(RunStep):
    """
    A step whose work raises ApprovalNeeded where it is abnormal, before anything has changed.

    The task then parks as `awaiting_input`, without a worker slot, until a person answers under Required Actions.
    Approved, `go_on` does it, and no later try of the run asks for as many rows again until it is done. Rejected, or
    not answered within `answer_within`, it is a StopRun.
    """

    left_alone: ClassVar[str]
    """A sentence for people: what has not happened."""

    @property
    @abstractmethod
    def answer_within(self) -> timedelta:
        """How long a run waits for the answer."""

    @abstractmethod
    def go_on(self, state: State, context: Context, **asked_with: Any) -> dict[str, Any]:
        """Do what was approved; `asked_with` is what `asking` was given."""

    @contextmanager
    def asking(self, state: State, context: Context, **going_on: Any) -> Iterator[int]:
        """
        Around the work: hands out for how many rows a person gave their approval already, and asks where it is needed.

        `going_on` comes back in `go_on`; Airflow keeps it meanwhile, so it is small and of JSON's types.
        """
        from crm_patterns.steps.guard import ApprovalNeeded

        run = run_key(context)
        approved = state.approved_rows(run, self.object_name, self.step)
        try:
            yield approved
        except ApprovalNeeded as needed:
            alarm = needed.alarm
            self._ask(state, context, alarm)
            raise TaskAwaitingInput(
                method_name="decided",
                kwargs={"reason": alarm.subject, "rows": alarm.rows, "going_on": going_on},
                timeout=self.answer_within,
            ) from None
        if approved:
            state.withdraw_approval(run, self.object_name, self.step)

    def decided(
        self, context: Context, event: dict[str, Any], reason: str, rows: int, going_on: dict[str, Any]
    ) -> dict[str, Any]:
        """Called with a person's answer, or when the time for it is over."""
        from crm_patterns.core.errors import StopRun

        with self.reported(context) as state:
            state.close_incident(self._incident(context), at=datetime.now(UTC))
            if "error" in event:
                raise StopRun(
                    f"Nobody answered within {self.answer_within}: {reason}. {self.left_alone}",
                    fix="Clear this task to be asked again, or wait: the next run reads again, and asks if it must.",
                )
            who = (event.get("responded_by_user") or {}).get("name") or "somebody"
            if event["chosen_options"] != [APPROVE]:
                raise StopRun(
                    f"Rejected by {who}: {reason}. {self.left_alone}",
                    fix="Put it right at the source; the next run reads again, and asks if it must.",
                )
            self.log.info("Approved by %s: %s.", who, reason)
            at = datetime.now(UTC)
            state.approve(run_key(context), self.object_name, self.step, rows=rows, by=who, at=at)
            return self.go_on(state, context, **going_on)

    def _ask(self, state: State, context: Context, alarm: Asked) -> None:
        """Put the question on the task's page and, once per run, object and step, into Slack."""
        from airflow.sdk.execution_time.hitl import upsert_hitl_detail

        from crm_patterns.notices.announcing import Channel, announce_question

        self.log.warning("A person has to approve: %s.", alarm.subject)
        upsert_hitl_detail(
            ti_id=context["ti"].id, options=[APPROVE, REJECT], subject=alarm.subject, body=alarm.body, params={}
        )
        run, at = run_key(context), datetime.now(UTC)
        if state.open_incident(self._incident(context), run=run, problem=alarm.subject, at=at):
            channel = Channel(self.common.slack_conn_id, self.common.state_conn_id)
            announce_question(context, channel, task_id=self.task_id, alarm=alarm, wait=self.answer_within)

    def _incident(self, context: Context) -> str:
        run = run_key(context)
        return f"{run.dag_id}/approval/{run.run_id}/{self.object_name}/{self.step}"
