"""The Marketo stand-in as one ASGI application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from sandbox.control import ControlError, control_error
from sandbox.edge import Edge
from sandbox.marketo import activity_calls, control, export_calls, lead_calls, programs, tokens
from sandbox.marketo.errors import MarketoFault, answer_fault
from sandbox.marketo.gate import Gate
from sandbox.marketo.instance import Instance


def create_app(instance: Instance) -> ASGIApp:
    """The application over an instance that has its data."""

    async def refused(request: Request, error: Exception) -> Response:
        if isinstance(error, MarketoFault):
            instance.limits.refused(error.code)
        return await answer_fault(request, error)

    async def lost(_request: Request, error: Exception) -> Response:
        """Unknown paths and methods: 200 with 610 or 605."""
        is_method = isinstance(error, HTTPException) and error.status_code == 405
        fault = MarketoFault("605" if is_method else "610")
        instance.limits.refused(fault.code)
        return JSONResponse(fault.body())

    parts = [control, lead_calls, activity_calls, export_calls]
    app = Starlette(
        routes=[
            *tokens.routes(instance.tokens),
            *(route for part in parts for route in part.routes(instance)),
            *programs.routes(instance.programs, instance.leads.by_id.__contains__),
        ],
        exception_handlers={
            MarketoFault: refused,
            ControlError: control_error,
            HTTPException: lost,
            Exception: _answer_failure,
        },
    )
    return Edge(Gate(app, instance), faults=instance.faults, journal=instance.journal)


async def _answer_failure(_request: Request, error: Exception) -> Response:
    """A mistake of the stand-in itself, told as Marketo tells its own; the traceback goes to the log."""
    fault = MarketoFault("611", f"System error: {type(error).__name__}: {error}")
    return JSONResponse(fault.body())
