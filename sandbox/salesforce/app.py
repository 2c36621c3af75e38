"""The Salesforce stand-in as one ASGI application."""

import importlib
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error
from sandbox.edge import Edge
from sandbox.salesforce import auth, rest_read
from sandbox.salesforce.conditions import conditions_of
from sandbox.salesforce.credentials import load_or_create
from sandbox.salesforce.errors import (
    OAuthFault,
    SalesforceFault,
    answer_fault,
    answer_oauth_fault,
    not_found,
)
from sandbox.salesforce.gate import Gate
from sandbox.salesforce.store import Org


def create_app(org: Org, *, login_url: str) -> ASGIApp:
    """The application over an org that has its data; writes `credentials.json` into the org's folder."""
    credentials = load_or_create(org.folder, organization_id=org.id, login_url=login_url)
    org.prepare_user(credentials.username)
    parts = [*auth.routes(org, auth.SignIn(org, credentials)), *rest_read.routes(org)]
    for name in ("rest_write", "composite", "collections", "bulk_query", "bulk_ingest", "control"):
        if Path(__file__).with_name(f"{name}.py").exists():
            parts = [*importlib.import_module(f"sandbox.salesforce.{name}").routes(org), *parts]
    app = Starlette(
        routes=parts,
        exception_handlers={
            SalesforceFault: answer_fault,
            OAuthFault: answer_oauth_fault,
            ControlError: control_error,
            HTTPException: _answer_http,
        },
    )
    conditions = conditions_of(org)
    return Edge(Gate(app, org), faults=conditions.faults, journal=conditions.journal)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in Salesforce's shape."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        fault = SalesforceFault(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed.")
        return JSONResponse(fault.body(), status_code=405)
    return JSONResponse(not_found().body(), status_code=404)
