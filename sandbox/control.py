"""The part of `/__sandbox__` that every stand-in has: faults of the wire and the journal of requests."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from json import JSONDecodeError
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.edge import CONTROL_PREFIX
from sandbox.faults import Fault, FaultBoard, HttpFault
from sandbox.journal import Journal

Model = TypeVar("Model", bound=BaseModel)
FaultReader = Callable[[Request], Awaitable[Fault]]


class ControlError(Exception):
    """A control request that cannot be carried out; answered 400 with the sentence."""


async def read_model(request: Request, model: type[Model]) -> Model:
    """The body as `model`; raises ControlError naming each wrong key."""
    try:
        return model.model_validate(await request.json())
    except JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    except ValidationError as error:
        raise ControlError(keys_named(error)) from error


def keys_named(error: ValidationError) -> str:
    """Each wrong key of a body, and why it is."""
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one."""
    try:
        body = await request.json() if await request.body() else {}
    except ValueError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body is not a JSON object")
    return body


def merged(body: dict[str, Any], present: Any, model: TypeAdapter[Any]) -> Any:
    """The present settings, a dataclass, with what the body changes."""
    known = asdict(present)
    if unknown := sorted(set(body) - set(known)):
        raise ControlError(f"unknown: {', '.join(unknown)}")
    try:
        return model.validate_python(known | body)
    except ValidationError as error:
        raise ControlError("; ".join(f"{each['loc']}: {each['msg']}" for each in error.errors())) from error


async def changed(request: Request, present: Any, model: TypeAdapter[Any]) -> Any:
    """The same with the body of a request."""
    return merged(await read_object(request), present, model)


async def control_error(_request: Request, error: Exception) -> Response:
    """Exception handler for ControlError."""
    return JSONResponse({"error": str(error)}, status_code=400)


async def read_http_fault(request: Request) -> Fault:
    """The body as a fault of the wire."""
    return await read_model(request, HttpFault)


def edge_routes(faults: FaultBoard, journal: Journal, read_fault: FaultReader = read_http_fault) -> list[Route]:
    """`/__sandbox__/faults` (POST, GET, DELETE, DELETE by id) and `/__sandbox__/requests` (GET, DELETE)."""

    async def add_fault(request: Request) -> Response:
        return JSONResponse({"id": faults.add(await read_fault(request))}, status_code=201)

    async def list_faults(_request: Request) -> Response:
        return JSONResponse({"faults": faults.listed()})

    async def clear_faults(_request: Request) -> Response:
        faults.clear()
        return Response(status_code=204)

    async def remove_fault(request: Request) -> Response:
        known = faults.remove(request.path_params["number"])
        return Response(status_code=204 if known else 404)

    async def read_journal(request: Request) -> Response:
        return JSONResponse({"requests": journal.read(**_journal_question(request))})

    async def clear_journal(_request: Request) -> Response:
        journal.clear()
        return Response(status_code=204)

    return [
        Route(f"{CONTROL_PREFIX}/faults", add_fault, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}/faults", list_faults, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/faults", clear_faults, methods=["DELETE"]),
        Route(f"{CONTROL_PREFIX}/faults/{{number:int}}", remove_fault, methods=["DELETE"]),
        Route(f"{CONTROL_PREFIX}/requests", read_journal, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/requests", clear_journal, methods=["DELETE"]),
    ]


def _journal_question(request: Request) -> dict[str, Any]:
    asked = request.query_params
    try:
        return {
            "path": asked.get("path", ""),
            "method": asked.get("method", ""),
            "after": int(asked.get("after", 0)),
            "limit": int(asked.get("limit", 1000)),
        }
    except ValueError as error:
        raise ControlError(f"after and limit are whole numbers: {error}") from error
