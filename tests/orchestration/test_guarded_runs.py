"""Abnormal deletes as Airflow runs them: the task waits for a person, and what they say is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from crm_patterns.core.outcomes import RunState
from tests.orchestration.support.stand import Stand

pytestmark = pytest.mark.timeout(600)


def delete_many(stand: Stand, object_name: str, share: float) -> int:
    rows = stand.rows(f"select id from salesforce.{object_name.lower()} where not _deleted order by id")
    keys = [key for (key,) in rows][: int(len(rows) * share)]
    with stand.sandbox.client() as org:
        for at in range(0, len(keys), 200):
            path = f"/services/data/v62.0/composite/sobjects?ids={','.join(keys[at : at + 200])}"
            assert all(answer["success"] for answer in org.delete(path).raise_for_status().json())
    return len(keys)


@contextmanager
def somebody_who_answers(option: str) -> Iterator[list[dict[str, Any]]]:
    """As the page of Airflow does, in its database, as soon as there is a question; what was asked."""
    asked: list[dict[str, Any]] = []
    done = threading.Event()

    def answer() -> None:
        from airflow.models.hitl import HITLDetail
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent
        from airflow.utils import timezone
        from airflow.utils.session import create_session
        from airflow.utils.state import TaskInstanceState
        from sqlalchemy import select

        while not done.wait(0.5):
            with create_session() as session:
                for detail in session.scalars(select(HITLDetail).where(HITLDetail.responded_at.is_(None))):
                    task = detail.task_instance
                    if task.state != TaskInstanceState.AWAITING_INPUT:
                        continue
                    asked.append({"task": task.task_id, "subject": detail.subject, "body": detail.body})
                    detail.responded_by = {"id": "1", "name": "Ada"}
                    detail.responded_at, detail.chosen_options = timezone.utcnow(), [option]
                    detail.params_input = {}
                    event = TriggerEvent(detail.as_resume_event_payload())
                    handle_event_submit(event, task_instance=task, session=session)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        done.set()
        thread.join(10)


def living(stand: Stand, object_name: str) -> int:
    return int(stand.rows(f"select count(*) as n from salesforce.{object_name.lower()} where not _deleted")[0][0])


def test_many_deletes_wait_for_a_person_and_end_as_they_say(stand: Stand) -> None:
    stand.run("Event")
    before = living(stand, "Event")
    gone = delete_many(stand, "Event", 0.6)
    assert gone >= 50
    time.sleep(1)

    with somebody_who_answers("Reject") as asked:
        rejected = stand.run("Event", expect="failed")
    after_rejection = living(stand, "Event")
    with somebody_who_answers("Approve") as again:
        approved = stand.run("Event")

    [question] = asked
    assert question["task"] == "Event.publish"
    assert f"{gone:,} of {before:,} living rows (60%) would be marked as deleted" in question["subject"]
    assert "- `00U" in question["body"]
    assert stand.outcome(rejected, "Event").problem.startswith("Rejected by Ada: Event: ")
    assert after_rejection == before
    assert [each["task"] for each in again] == ["Event.publish"]
    assert stand.outcome(approved, "Event").state is RunState.SUCCESS
    assert living(stand, "Event") == before - gone


def test_a_comparison_of_ids_that_would_close_many_rows_waits_for_a_person_too(stand: Stand) -> None:
    stand.run("Event", mode="full")
    before = living(stand, "Event")
    stand.rows("insert into salesforce.event by name select * replace ('00Uzzz' || substr(id, 7) as id) "
               "from salesforce.event where not _deleted")  # fmt: skip

    with somebody_who_answers("Approve") as asked:
        run = stand.run("Event", dag_id="crm_warehouse_upkeep")

    [question] = asked
    assert question["task"] == "Event.compare_ids"
    assert f"{before:,} of {2 * before:,} open rows are not among the source's ids" in question["subject"]
    assert living(stand, "Event") == before
    notes = stand.rows(f"select state, note from ops.steps where run_id = '{run.run_id}' and step = 'compare_ids'")
    assert [state for state, note in notes if f"{before:,} closed because" in note] == ["success"]
