"""Which platforms a run of the marketing pattern is about, and which events it takes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import AssetOrTimeSchedule

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.catalog.marketing_sync import MarketingSyncSettings
from crm_patterns.core.ports import InboxEvent, RunKey
from crm_patterns.hooks.state import StateHook
from crm_patterns.operators.claim_events import ChoosePlatformsOperator
from crm_patterns.operators.close_sync import CloseSyncOperator
from crm_patterns.state import OperationalState

NOW = datetime.now(UTC)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OperationalState:
    monkeypatch.setenv("AIRFLOW_CONN_CRM_STATE", f'{{"conn_type": "sqlite", "host": "{tmp_path / "state.db"}"}}')
    return StateHook().state()


@pytest.fixture
def settings() -> MarketingSyncSettings:
    """Two platforms with people, the second by another name of the same."""
    given = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml").model_dump()
    people = next(platform for platform in given["platforms"] if platform["name"] == "hubspot")
    other = {**people, "name": "pardot", "pairings": [{**people["pairings"][0], "name": "pardot_people"}]}
    return MarketingSyncSettings.model_validate({**given, "platforms": [people, other]})


def chosen(settings: MarketingSyncSettings, kind: str, run_id: str = "run", **params: Any) -> list[str]:
    dag_run = SimpleNamespace(dag_id="crm_marketing_sync", run_id=run_id, run_type=kind)
    context: Any = {"dag_run": dag_run, "params": params, "ti": SimpleNamespace(xcom_push=lambda **_: None)}
    return ChoosePlatformsOperator(task_id="choose", settings=settings).choose_branch(context)


def event(system: str, name: str, record_id: str = "5") -> InboxEvent:
    return InboxEvent(f"{system}-{name}-{record_id}", system, name, record_id, "edit", NOW)


def claimed(state: OperationalState, run_id: str = "run") -> set[str]:
    return {each.system for each in state.claimed_events(RunKey("crm_marketing_sync", run_id))}


@pytest.mark.parametrize(
    ("events", "platforms"),
    [
        ([event("salesforce", "Lead")], ["hubspot", "pardot"]),
        ([event("hubspot", "contacts")], ["hubspot"]),
        ([event("hubspot", "companies")], []),
        ([], []),
    ],
)
def test_events_start_the_platforms_that_have_to_do_with_them(
    state: OperationalState, settings: MarketingSyncSettings, events: list[InboxEvent], platforms: list[str]
) -> None:
    state.store_events(events)

    assert chosen(settings, "asset_triggered") == platforms
    assert claimed(state) == {each.system for each in events}
    assert chosen(settings, "asset_triggered") == platforms  # a retry
    assert chosen(settings, "asset_triggered", "second") == []


def test_a_scheduled_run_takes_what_waits_along_and_a_persons_leaves_it(
    state: OperationalState, settings: MarketingSyncSettings
) -> None:
    state.store_events([event("hubspot", "contacts")])

    assert chosen(settings, "manual", "by-hand") == chosen(settings, "backfill", "days") == ["hubspot", "pardot"]
    assert (claimed(state, "by-hand"), claimed(state, "days")) == (set(), set())
    assert chosen(settings, "scheduled") == ["hubspot", "pardot"]
    assert claimed(state) == {"hubspot"}


@pytest.mark.parametrize(("wait", "left"), [(False, set()), (True, {"hubspot"})])
def test_at_the_end_events_are_settled_or_wait_for_a_later_run(
    state: OperationalState, settings: MarketingSyncSettings, wait: bool, left: set[str]
) -> None:
    state.store_events([event("hubspot", "contacts")])
    chosen(settings, "asset_triggered")

    close = CloseSyncOperator(task_id="close_run", settings=settings)
    close._settle_events(state, RunKey("crm_marketing_sync", "run"), wait=wait)

    assert set(state.inbox_levels()) == left
    assert chosen(settings, "asset_triggered", "second") == (["hubspot"] if wait else [])


def test_the_dag_is_started_by_its_cron_and_by_events_unless_that_is_switched_off(
    settings: MarketingSyncSettings,
) -> None:
    from crm_patterns.dag_arguments import dag_arguments
    from crm_patterns.triggers.inbox import awaited_events

    def schedule(given: MarketingSyncSettings) -> Any:
        events = [awaited_events(system, every_s=given.events_every_s) for system in given.tells]
        return dag_arguments(given, schedule=given.schedule, deadline=given.deadline, events=events)["schedule"]

    listening = schedule(settings)
    assert isinstance(listening, AssetOrTimeSchedule)
    assert sorted(asset.name for asset in listening.asset_condition.objects) == [
        "crm_events.hubspot", "crm_events.salesforce",
    ]  # fmt: skip
    assert not isinstance(schedule(settings.model_copy(update={"events_every_s": 0.0})), AssetOrTimeSchedule)
