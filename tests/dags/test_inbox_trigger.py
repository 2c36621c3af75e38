"""The watcher of the inbox under a real event loop: it fires once for an event, whoever else watches."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset

from crm_patterns.core.ports import InboxEvent, InboxLimits, RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.state import OperationalState
from crm_patterns.triggers.inbox import InboxTrigger, awaited_events


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OperationalState:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
    return StateHook().state()


def event(number: int) -> InboxEvent:
    return InboxEvent(f"e{number}", "hubspot", "contacts", str(number), "contact.creation", datetime.now(UTC))


async def fired(trigger: InboxTrigger, into: list[Any]) -> None:
    async for each in trigger.run():
        into += [each.payload]


async def until(is_so: Callable[[], bool]) -> None:
    """Within ten seconds; what comes too late fails the assertion that follows."""
    give_up = time.monotonic() + 10
    while not is_so() and time.monotonic() < give_up:
        await asyncio.sleep(0.02)


async def watched(
    state: OperationalState, triggers: list[InboxTrigger], *arrivals: list[InboxEvent], announcements: int = 0
) -> list[Any]:
    """What the triggers fire until so much is announced, and a moment longer. Each arrival waits for the one before."""
    payloads: list[Any] = []
    tasks = [asyncio.create_task(fired(trigger, payloads)) for trigger in triggers]
    told = 0
    for events in arrivals:
        await asyncio.to_thread(state.store_events, events)
        told += len(events)
        await until(lambda: announced(payloads) >= told)  # noqa: B023 - it is over before the next one
    await until(lambda: announced(payloads) >= announcements)
    await asyncio.sleep(0.4)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return payloads


def announced(payloads: list[Any]) -> int:
    return sum(payload["events"] for payload in payloads)


def trigger(**options: Any) -> InboxTrigger:
    return InboxTrigger(system="hubspot", **{"every_s": 0.05, **options})


def test_several_triggerers_fire_once_for_each_event(state: OperationalState) -> None:
    payloads = asyncio.run(watched(state, [trigger(), trigger(), trigger()], [event(1), event(2)], [event(3)]))

    assert announced(payloads) == 3
    assert {payload["system"] for payload in payloads} == {"hubspot"}
    assert asyncio.run(watched(state, [trigger()])) == []


def test_what_nobody_claims_is_announced_again_and_what_is_claimed_is_not(state: OperationalState) -> None:
    payloads = asyncio.run(watched(state, [trigger(again_after_s=0.3)], [event(1)], announcements=2))
    state.claim_events(RunKey("dag", "run"), "hubspot", at=datetime.now(UTC), limits=InboxLimits())

    assert announced(payloads) >= 2
    assert asyncio.run(watched(state, [trigger(again_after_s=0.1)])) == []


def test_it_goes_on_when_the_database_answers_again(
    state: OperationalState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.prepare()
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", '{"conn_type": "mssql", "host": "x"}')

    async def story() -> list[Any]:
        payloads: list[Any] = []
        task = asyncio.create_task(fired(trigger(), payloads))
        await asyncio.sleep(0.3)
        assert not task.done()
        monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
        await asyncio.to_thread(state.store_events, [event(1)])
        await until(lambda: bool(payloads))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return payloads

    assert asyncio.run(story()) == [{"system": "hubspot", "events": 1}]


def test_a_trigger_is_what_it_was_serialized_from() -> None:
    asset = awaited_events("hubspot", every_s=2.0)

    assert isinstance(asset, Asset)
    [watcher] = asset.watchers
    path, kwargs = watcher.trigger.serialize()
    assert path == f"{InboxTrigger.__module__}.{InboxTrigger.__name__}"
    assert InboxTrigger(**kwargs).serialize() == (path, kwargs)
    assert kwargs["every_s"] == 2.0


def test_the_marks_are_in_the_database(state: OperationalState, tmp_path: Path) -> None:
    asyncio.run(watched(state, [trigger()], [event(1)]))

    with sqlite3.connect(tmp_path / "state.db") as database:
        assert database.execute("select announcements, run_id from crm_inbox").fetchall() == [(1, "")]
