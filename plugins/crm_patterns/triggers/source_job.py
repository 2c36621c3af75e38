"""Wait for a bulk job of the source in the triggerer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from crm_patterns.core.errors import IntegrationError
from crm_patterns.core.ports import JobState
from crm_patterns.hooks.salesforce import SalesforceSourceHook


class SourceJobTrigger(BaseTrigger):
    """
    Polls every 1 s, growing to 30 s, until the job is no longer waiting or `deadline` (ISO 8601, UTC) has passed.

    The event is `{"job_id", "state"}`; state `waiting` says that the deadline passed. An error of the source ends the
    wait too: the task asks again and fails with its own, readable sentence.
    """

    def __init__(self, *, conn_id: str, job_id: str, deadline: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.conn_id = conn_id
        self.job_id = job_id
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "crm_patterns.triggers.source_job.SourceJobTrigger",
            {"conn_id": self.conn_id, "job_id": self.job_id, "deadline": self.deadline},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        deadline, pause = datetime.fromisoformat(self.deadline), 1.0
        source = None
        try:
            source = await sync_to_async(SalesforceSourceHook(self.conn_id).source)()
            state = JobState.WAITING
            while state is JobState.WAITING and datetime.now(UTC) < deadline:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 30.0)
                status = await sync_to_async(source.job_status, thread_sensitive=False)(self.job_id)
                state = status.state
            yield TriggerEvent({"job_id": self.job_id, "state": state.value})  # type: ignore[no-untyped-call]
        except IntegrationError as error:
            self.log.warning("Asking for job %s failed: %s", self.job_id, error)
            yield TriggerEvent({"job_id": self.job_id, "state": "unknown"})  # type: ignore[no-untyped-call]
        finally:
            if source is not None:
                source.close()
