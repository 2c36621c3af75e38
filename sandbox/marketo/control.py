"""`/__sandbox__/…`: what a test or a person may do to the instance that no API of Marketo offers. See `CONTROL.md`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import to_ms
from sandbox.control import ControlError, edge_routes, keys_named, read_model
from sandbox.edge import CONTROL_PREFIX
from sandbox.marketo.activities import TYPES
from sandbox.marketo.errors import MarketoFault, Reason
from sandbox.marketo.faults import read_fault
from sandbox.marketo.instance import Instance, Settings
from sandbox.marketo.leads import Lead
from sandbox.marketo.limits import LimitSettings
from sandbox.marketo.programs import PROGRAMS
from sandbox.marketo.tick import tick

SETTINGS, LIMITS = TypeAdapter(Settings), TypeAdapter(LimitSettings)
PERSON = "Marketing user"


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TickAsked(_Asked):
    count: int = Field(default=1, ge=1)


class ClockAsked(_Asked):
    at: datetime | None = None
    ahead_s: float = 0.0


class LeadsAsked(_Asked):
    """`quiet`: without an activity, as leads from before the activities that are kept."""

    leads: list[dict[str, Any]]
    at: datetime | None = None
    quiet: bool = False


class EditAsked(_Asked):
    id: int
    values: dict[str, Any]
    at: datetime | None = None


class IdsAsked(_Asked):
    ids: list[int]


class MergeAsked(_Asked):
    winner: int
    losers: list[int]


class ActivityAsked(_Asked):
    type_id: int
    lead_id: int
    primary_id: int | None = None
    primary: str = ""
    attributes: dict[str, Any] = {}
    at: datetime | None = None
    count: int = Field(default=1, ge=1)


class StatusAsked(_Asked):
    program: int
    lead_id: int
    status: str
    at: datetime | None = None


class TokensAsked(_Asked):
    lifetime_s: float = Field(gt=0)


class _Control:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    async def tick(self, request: Request) -> Response:
        return JSONResponse(tick(self.instance, (await read_model(request, TickAsked)).count))

    async def clock(self, request: Request) -> Response:
        asked = await read_model(request, ClockAsked)
        if asked.at is not None and asked.at.tzinfo is None:
            raise ControlError("at: carries no time zone; write for example 2026-01-01T00:00:00Z")
        self.instance.clock.stands_at, self.instance.clock.ahead = asked.at, timedelta(seconds=asked.ahead_s)
        return JSONResponse({"now": self.instance.clock.now().isoformat()})

    async def settings(self, request: Request) -> Response:
        if request.method == "POST":
            self.instance.settings = _merged(await request.json(), self.instance.settings, SETTINGS)
        return JSONResponse(asdict(self.instance.settings))

    async def limits(self, request: Request) -> Response:
        """Besides the settings, `remaining_today` sets what is left of the day."""
        limits = self.instance.limits
        if request.method == "DELETE":
            limits.refresh()
        elif request.method == "POST":
            body = await request.json()
            remaining = body.pop("remaining_today", None)
            limits.settings = _merged(body, limits.settings, LIMITS)
            if remaining is not None:
                limits.check_extracts()  # begins the day, if it is a new one
                limits.used_today = limits.settings.daily - int(remaining)
        used = {"used_today": limits.used_today, "extracted_today": limits.extracted_today}
        return JSONResponse({**asdict(limits.settings), **used})

    async def read_leads(self, _request: Request) -> Response:
        return JSONResponse({"leads": [asdict(each) for each in self.instance.leads.by_id.values()]})

    async def add_leads(self, request: Request) -> Response:
        asked = await read_model(request, LeadsAsked)
        at_ms = to_ms(asked.at) if asked.at else None
        leads = self.instance.leads
        made = [leads.create(each, source=PERSON, at_ms=at_ms, quiet=asked.quiet) for each in asked.leads]
        return JSONResponse({"ids": [each.id for each in made]}, status_code=201)

    async def edit(self, request: Request) -> Response:
        asked = await read_model(request, EditAsked)
        at_ms = to_ms(asked.at) if asked.at else None
        self.instance.leads.update(self._lead(asked.id), asked.values, source=PERSON, at_ms=at_ms)
        return JSONResponse(asdict(self._lead(asked.id)))

    async def delete(self, request: Request) -> Response:
        for each in (await read_model(request, IdsAsked)).ids:
            self.instance.leads.delete(self._lead(each))
        return Response(status_code=204)

    async def merge(self, request: Request) -> Response:
        asked = await read_model(request, MergeAsked)
        self.instance.leads.merge(self._lead(asked.winner), [self._lead(each) for each in asked.losers])
        return Response(status_code=204)

    async def activity(self, request: Request) -> Response:
        asked = await read_model(request, ActivityAsked)
        if asked.type_id not in TYPES:
            raise ControlError(f"type_id: {asked.type_id} is not one of {', '.join(map(str, TYPES))}")
        at_ms = to_ms(asked.at) if asked.at else None
        primary = (asked.primary_id, asked.primary)
        for _ in range(asked.count):
            happened = self.instance.activities.happened(
                asked.type_id, asked.lead_id, primary, at_ms=at_ms, **asked.attributes
            )
        return JSONResponse(happened.told(), status_code=201)

    async def activities(self, _request: Request) -> Response:
        return JSONResponse({"activities": [each.told() for each in self.instance.activities.listed]})

    async def status(self, request: Request) -> Response:
        asked = await read_model(request, StatusAsked)
        if asked.program not in PROGRAMS:
            raise ControlError(f"program: {asked.program} is not one of {', '.join(map(str, PROGRAMS))}")
        self.instance.programs.move(
            asked.program, asked.lead_id, asked.status, at_ms=to_ms(asked.at) if asked.at else None
        )
        return Response(status_code=204)

    async def members(self, _request: Request) -> Response:
        return JSONResponse({"members": [each.told() for each in self.instance.programs.members.values()]})

    async def expire_tokens(self, _request: Request) -> Response:
        self.instance.tokens.expire()
        return Response(status_code=204)

    async def forget_tokens(self, _request: Request) -> Response:
        self.instance.tokens.forget()
        return Response(status_code=204)

    async def tokens(self, request: Request) -> Response:
        self.instance.tokens.lifetime_s = (await read_model(request, TokensAsked)).lifetime_s
        return JSONResponse({"lifetime_s": self.instance.tokens.lifetime_s})

    def _lead(self, lead_id: int) -> Lead:
        if (found := self.instance.leads.by_id.get(lead_id)) is None:
            raise ControlError(f"id: no lead {lead_id}")
        return found


def routes(instance: Instance) -> list[Route]:
    """The control API; what Marketo itself would refuse is answered 400 with its words."""
    control = _Control(instance)
    calls: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "tick", control.tick),
        ("POST", "clock", control.clock),
        ("GET POST", "settings", control.settings),
        ("GET POST DELETE", "limits", control.limits),
        ("GET", "leads", control.read_leads),
        ("POST", "leads", control.add_leads),
        ("POST", "edit", control.edit),
        ("POST", "delete", control.delete),
        ("POST", "merge", control.merge),
        ("POST", "activities", control.activity),
        ("GET", "activities", control.activities),
        ("POST", "status", control.status),
        ("GET", "members", control.members),
        ("POST", "expire_tokens", control.expire_tokens),
        ("POST", "forget_tokens", control.forget_tokens),
        ("POST", "tokens", control.tokens),
    ]
    own = [Route(f"{CONTROL_PREFIX}/{path}", _told(call), methods=methods.split()) for methods, path, call in calls]
    return [*own, *edge_routes(instance.faults, instance.journal, read_fault)]


def _told(call: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await call(request)
        except (MarketoFault, Reason) as fault:
            raise ControlError(str(fault)) from fault

    return answer


def _merged(body: dict[str, Any], present: Any, model: TypeAdapter[Any]) -> Any:
    known = asdict(present)
    if unknown := sorted(set(body) - set(known)):
        raise ControlError(f"unknown: {', '.join(unknown)}")
    try:
        return model.validate_python(known | body)
    except ValidationError as error:
        raise ControlError(keys_named(error)) from error
