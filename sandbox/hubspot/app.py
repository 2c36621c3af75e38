"""The HubSpot stand-in as one ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error
from sandbox.edge import Edge
from sandbox.hubspot import associating, batches, consent, control, describing, engagement, objects, tokens
from sandbox.hubspot.account import Account
from sandbox.hubspot.errors import HubSpotFault, answer_fault
from sandbox.hubspot.gate import Gate


def create_app(account: Account) -> ASGIApp:
    """The application over an account that has its data."""
    parts = [control, associating, describing, consent, engagement, batches, objects]
    app = Starlette(
        routes=[*tokens.routes(account.tokens), *(route for part in parts for route in part.routes(account))],
        exception_handlers={
            HubSpotFault: answer_fault,
            ControlError: control_error,
            HTTPException: _answer_http,
            Exception: _answer_failure,
        },
    )
    return Edge(Gate(app, account), faults=account.faults, journal=account.journal)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Unknown paths and methods, in HubSpot's shape."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        fault = HubSpotFault(405, "METHOD_NOT_ALLOWED", f"HTTP {request.method} is not allowed here")
        return JSONResponse(fault.body(), status_code=405)
    return JSONResponse(HubSpotFault(404, "OBJECT_NOT_FOUND", "resource not found").body(), status_code=404)


async def _answer_failure(_request: Request, error: Exception) -> Response:
    """A mistake of the stand-in itself, told as HubSpot tells its own; the traceback goes to the log."""
    fault = HubSpotFault(500, "INTERNAL_ERROR", f"internal error: {type(error).__name__}: {error}")
    return JSONResponse(fault.body(), status_code=500)
