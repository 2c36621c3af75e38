"""
Pages of ours inside Airflow's API server: Data Docs, what a task has staged or plans to write, and the inbox.

Airflow puts no sign-in before a plugin's app, so every route asks for the signed-in user itself.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import FileResponse, HTMLResponse

from crm_patterns.catalog import WarehouseEltSettings, include_dir, load_marketing_sync, load_warehouse_elt
from crm_patterns.catalog.marketing_sync import MarketingSyncSettings
from crm_patterns.core.change_rows import CHANGES
from crm_patterns.core.staging import Manifest
from crm_patterns.hooks.stage import StageHook
from crm_patterns.hooks.state import StateHook
from crm_patterns.patterns.plan_parts import Shown
from crm_patterns.plan_page import render as render_plan
from crm_patterns.stage_page import render
from crm_patterns.steps.view_plan import view_plan

app = FastAPI(title="CRM Integration Patterns", docs_url=None, redoc_url=None, openapi_url=None)


def _settings() -> WarehouseEltSettings:
    """Read for each request: a page shows what the settings say now, as the tasks do."""
    return load_warehouse_elt(include_dir() / "config" / "warehouse_elt.yaml")


def _sync_settings() -> MarketingSyncSettings:
    return load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")


def _shown(
    first: Annotated[int, Query(ge=0)] = 0,
    size: Annotated[int, Query(ge=1, le=500)] = 100,
    system: str = "",
    object: str = "",  # noqa: A002 - as it stands in the address
    action: str = "",
) -> Shown:
    return Shown(first, size, system, object, action)


Settings = Annotated[WarehouseEltSettings, Depends(_settings)]
SyncSettings = Annotated[MarketingSyncSettings, Depends(_sync_settings)]


@app.get("/data-docs/{page:path}")
def data_docs(page: str, _user: GetUserDep, settings: Settings) -> FileResponse:
    """One file of the Data Docs; 404 outside their folder."""
    root = Path(settings.data_docs_root).resolve()
    wanted = (root / (page or "index.html")).resolve()
    if not wanted.is_relative_to(root) or not wanted.is_file():
        raise HTTPException(404, "There is no such page. Data Docs are written by the validate tasks.")
    return FileResponse(wanted)


@app.get("/stage/{attempt:path}")
def stage_folder(attempt: str, _user: GetUserDep, settings: Settings) -> HTMLResponse:
    """The manifest of one attempt as a page; 404 where there is none. No row of data is shown."""
    data = StageHook(settings.stage_conn_id).manifest_at(settings.stage_root, attempt)
    if data is None:
        raise HTTPException(404, "There is no such stage: it was cleaned up, or its extract did not finish.")
    return HTMLResponse(render(Manifest.from_json(data), uri=f"{settings.stage_root}/{attempt}"))


@app.get("/plan/{attempt:path}")
def plan(
    attempt: str, _user: GetUserDep, settings: SyncSettings, shown: Annotated[Shown, Depends(_shown)]
) -> HTMLResponse:
    """A plan, a page at a time, with what has become of it; 404 where there is none."""
    hook = StageHook(settings.stage_conn_id)
    found = hook.reference_at(settings.stage_root, attempt)
    if found is None or found[1].contract.fingerprint != CHANGES.fingerprint:
        raise HTTPException(404, "There is no such plan: it was cleaned up, or its task did not finish.")
    ref, manifest = found
    part = view_plan(hook.stage(settings.stage_root, keys_conn_id=settings.keys_conn_id), ref, shown)
    state = StateHook(settings.state_conn_id).state()
    try:
        known = state.intents([change.change_id for change in part.changes])
    finally:
        state.close()
    return HTMLResponse(render_plan(manifest, part, shown, known=known, uri=ref.uri))


@app.get("/inbox")
def inbox(_user: GetUserDep, settings: Settings, days: Annotated[int, Query(ge=1, le=366)] = 7) -> dict[str, Any]:
    """How many events wait or are claimed, by system, and what was refused in the last days, as JSON."""
    state = StateHook(settings.state_conn_id).state()
    try:
        refusals = state.refusals(since=datetime.now(UTC) - timedelta(days=days - 1))
        levels = {system: asdict(level) for system, level in state.inbox_levels().items()}
        return {"events": levels, "refusals": [asdict(each) for each in refusals]}
    finally:
        state.close()
