"""The Account Engagement stand-in as one ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error
from sandbox.edge import Edge
from sandbox.pardot import bulk, control, objects
from sandbox.pardot.errors import PardotFault, answer_fault
from sandbox.pardot.gate import Gate
from sandbox.pardot.tokens import SalesforceSignIn
from sandbox.pardot.unit import Unit


def create_app(unit: Unit, sign_in: SalesforceSignIn) -> ASGIApp:
    """The application over a unit that has its data."""
    app = Starlette(
        routes=[route for part in (control, bulk, objects) for route in part.routes(unit)],
        exception_handlers={
            PardotFault: answer_fault,
            ControlError: control_error,
            HTTPException: _answer_http,
            Exception: _answer_failure,
        },
    )
    return Edge(Gate(app, unit, sign_in), faults=unit.faults, journal=unit.journal)


async def _answer_http(_request: Request, error: Exception) -> Response:
    """Unknown paths and methods."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    return PardotFault(109 if status == 404 else 71, status=status).answer()


async def _answer_failure(_request: Request, error: Exception) -> Response:
    """A mistake of the stand-in itself; the traceback goes to the log."""
    return JSONResponse({"code": 0, "message": f"internal error: {type(error).__name__}: {error}"}, status_code=500)
