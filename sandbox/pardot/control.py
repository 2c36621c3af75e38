"""`/__sandbox__/…`: what a test or a person may do to the unit that no API offers. See `CONTROL.md`."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.control import ControlError, edge_routes, read_model
from sandbox.edge import CONTROL_PREFIX
from sandbox.pardot.errors import PardotFault
from sandbox.pardot.faults import read_fault
from sandbox.pardot.kinds import KINDS
from sandbox.pardot.limits import LimitSettings
from sandbox.pardot.populate import ACTIVITIES, happened
from sandbox.pardot.tick import tick
from sandbox.pardot.unit import Settings, Unit, parse_stamp
from sandbox.pardot.writing import Writer

SETTINGS, LIMITS = TypeAdapter(Settings), TypeAdapter(LimitSettings)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TickAsked(_Asked):
    count: int = Field(default=1, ge=1)


class ClockAsked(_Asked):
    at: datetime | None = None
    ahead_s: float = 0.0


class RecordsAsked(_Asked):
    """Prospects that have been there since `at`, read-only fields included."""

    records: list[dict[str, Any]]
    at: datetime | None = None


class EditAsked(_Asked):
    id: str
    values: dict[str, Any]


class IdsAsked(_Asked):
    ids: list[str]


class ActivityAsked(_Asked):
    prospect: str
    type: int
    campaign: int | None = None
    at: datetime | None = None


class _Control:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    async def tick(self, request: Request) -> Response:
        return JSONResponse(tick(self.unit, (await read_model(request, TickAsked)).count))

    async def clock(self, request: Request) -> Response:
        asked = await read_model(request, ClockAsked)
        if asked.at is not None and asked.at.tzinfo is None:
            raise ControlError("at: carries no time zone; write for example 2026-01-01T00:00:00Z")
        self.unit.clock.stands_at, self.unit.clock.ahead = asked.at, timedelta(seconds=asked.ahead_s)
        return JSONResponse({"now": self.unit.clock.now().isoformat()})

    async def settings(self, request: Request) -> Response:
        if request.method == "POST":
            self.unit.settings = _merged(await _object(request), self.unit.settings, SETTINGS)
        elif request.method == "DELETE":
            self.unit.settings = Settings()
        return JSONResponse(asdict(self.unit.settings))

    async def limits(self, request: Request) -> Response:
        """Besides the settings, `remaining_today` sets what is left of the day."""
        limits = self.unit.limits
        if request.method == "DELETE":
            limits.refresh()
        elif request.method == "POST":
            body = await _object(request)
            remaining = body.pop("remaining_today", None)
            limits.settings = _merged(body, limits.settings, LIMITS)
            if remaining is not None:
                limits.turn_day()
                limits.used_today = limits.settings.daily - int(remaining)
        return JSONResponse(
            {**asdict(limits.settings), "used_today": limits.used_today, "most_under_way": limits.most_under_way}
        )

    async def read_records(self, request: Request) -> Response:
        name = request.query_params.get("object", "prospects")
        if name not in KINDS:
            raise ControlError(f"object: {name} is not one of {', '.join(KINDS)}")
        return JSONResponse({"records": [self.unit.records[name][each] for each in sorted(self.unit.records[name])]})

    async def add_records(self, request: Request) -> Response:
        asked, ids = await read_model(request, RecordsAsked), []
        stamp = parse_stamp(asked.at.isoformat()) if asked.at else self.unit.now()
        for values in asked.records:
            unknown = sorted(set(values) - set(self.unit.fields(KINDS["prospects"])))
            if unknown:
                raise ControlError(f"records: no field {', '.join(unknown)}")
            record_id = self.unit.next_id("prospects")
            base = {"isDeleted": False, "createdAt": stamp, "updatedAt": stamp}
            self.unit.put("prospects", {**base, **values, "id": record_id})
            ids.append(str(record_id))
        return JSONResponse({"ids": ids}, status_code=201)

    async def edit(self, request: Request) -> Response:
        asked = await read_model(request, EditAsked)
        return JSONResponse(Writer(self.unit).update(self.unit.found("prospects", asked.id), asked.values))

    async def delete(self, request: Request) -> Response:
        for each in (await read_model(request, IdsAsked)).ids:
            Writer(self.unit).delete(self.unit.found("prospects", each))
        return Response(status_code=204)

    async def erase(self, request: Request) -> Response:
        for each in (await read_model(request, IdsAsked)).ids:
            self.unit.drop("prospects", self.unit.found("prospects", each)["id"])
        return Response(status_code=204)

    async def activity(self, request: Request) -> Response:
        asked = await read_model(request, ActivityAsked)
        record = self.unit.found("prospects", asked.prospect)
        at = parse_stamp(asked.at.isoformat()) if asked.at else self.unit.now()
        what = (asked.type, dict(ACTIVITIES).get(asked.type, "Other"))
        return JSONResponse(happened(self.unit, record["id"], asked.campaign, what, at), status_code=201)


def routes(unit: Unit) -> list[Route]:
    """The control API; what the unit itself would refuse is answered 400 with its words."""
    control = _Control(unit)
    calls = [
        ("POST", "tick", control.tick),
        ("POST", "clock", control.clock),
        ("GET POST DELETE", "settings", control.settings),
        ("GET POST DELETE", "limits", control.limits),
        ("GET", "records", control.read_records),
        ("POST", "records", control.add_records),
        ("POST", "edit", control.edit),
        ("POST", "delete", control.delete),
        ("POST", "erase", control.erase),
        ("POST", "activities", control.activity),
    ]
    own = [Route(f"{CONTROL_PREFIX}/{path}", _told(call), methods=methods.split()) for methods, path, call in calls]
    return [*own, *edge_routes(unit.faults, unit.journal, read_fault)]


def _told(call: Any) -> Any:
    async def answer(request: Request) -> Response:
        try:
            told: Response = await call(request)
        except PardotFault as fault:
            raise ControlError(str(fault)) from fault
        return told

    return answer


async def _object(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body is not a JSON object")
    return body


def _merged(body: dict[str, Any], present: Any, model: TypeAdapter[Any]) -> Any:
    known = asdict(present)
    if unknown := sorted(set(body) - set(known)):
        raise ControlError(f"unknown: {', '.join(unknown)}")
    try:
        return model.validate_python(known | body)
    except ValidationError as error:
        raise ControlError("; ".join(f"{each['loc']}: {each['msg']}" for each in error.errors())) from error
