"""The Salesforce stand-in as one ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error
from sandbox.edge import Edge
from sandbox.salesforce import auth, bulk_ingest, bulk_query, composite, control, rest_read, rest_write, tooling
from sandbox.salesforce.conditions import conditions_of
from sandbox.salesforce.credentials import load_or_create
from sandbox.salesforce.dated import Dated
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
    sign_in = auth.SignIn(org, credentials)
    parts = [control, composite, rest_write, bulk_query, bulk_ingest, tooling, rest_read]
    routes = [*auth.routes(org, sign_in), *(route for part in parts for route in part.routes(org))]
    app = Starlette(
        routes=routes,
        exception_handlers={
            SalesforceFault: answer_fault,
            OAuthFault: answer_oauth_fault,
            ControlError: control_error,
            HTTPException: _answer_http,
            Exception: _answer_failure,
        },
    )
    conditions = conditions_of(org)
    return Edge(Dated(Gate(app, org), org), faults=conditions.faults, journal=conditions.journal)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in Salesforce's shape."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        fault = SalesforceFault(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{request.method}' not allowed.")
        return JSONResponse(fault.body(), status_code=405)
    return JSONResponse(not_found().body(), status_code=404)


async def _answer_failure(_request: Request, error: Exception) -> Response:
    """A mistake of the stand-in itself, told as Salesforce tells its own; the traceback goes to the log."""
    fault = SalesforceFault(500, "UNKNOWN_EXCEPTION", f"An unexpected error occurred: {type(error).__name__}: {error}")
    return JSONResponse(fault.body(), status_code=500)
