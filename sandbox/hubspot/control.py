"""`/__sandbox__/…`: what a test or a person may do to the account that no API of HubSpot offers. See `CONTROL.md`."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import to_ms
from sandbox.control import ControlError, changed, edge_routes, merged, read_model, read_object
from sandbox.edge import CONTROL_PREFIX
from sandbox.hubspot.account import PERSON, Account, Edits, Settings
from sandbox.hubspot.engagement import EVENT_TYPES, FORMS
from sandbox.hubspot.errors import HubSpotFault
from sandbox.hubspot.faults import read_fault
from sandbox.hubspot.limits import LimitSettings
from sandbox.hubspot.records import Record, Records
from sandbox.hubspot.tick import tick
from sandbox.hubspot.webhooks import Spoiling, WebhookSettings
from sandbox.hubspot.writing import Writer

SETTINGS, LIMITS, WEBHOOKS, SPOILING = (
    TypeAdapter(each) for each in (Settings, LimitSettings, WebhookSettings, Spoiling)
)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TickAsked(_Asked):
    count: int = Field(default=1, ge=1)


class ClockAsked(_Asked):
    at: datetime | None = None
    ahead_s: float = 0.0


class EditAsked(_Asked):
    object: str
    id: str
    properties: dict[str, Any]
    source: str = PERSON.source
    source_id: str = PERSON.source_id


class SilentAsked(_Asked):
    object: str
    id: str
    properties: dict[str, str | None]


class RecordsAsked(_Asked):
    """`records` are properties, of people who were there before the search index was built."""

    object: str
    records: list[dict[str, str]]
    at: datetime | None = None


class TouchAsked(_Asked):
    object: str
    count: int = Field(ge=1)
    at: datetime


class IdsAsked(_Asked):
    object: str
    ids: list[str]


class MergeAsked(_Asked):
    object: str
    winner: str
    loser: str


class OptOutAsked(_Asked):
    email: str


class EventAsked(_Asked):
    type: str
    recipient: str
    campaign: int = 70_001
    at: datetime | None = None


class SubmissionAsked(_Asked):
    form: str
    values: dict[str, str]
    at: datetime | None = None


class TokensAsked(_Asked):
    """What is left out stays as it is."""

    lifetime_s: float | None = Field(default=None, gt=0)
    private_app_works: bool | None = None


class _Control:
    def __init__(self, account: Account) -> None:
        self.account = account

    async def tick(self, request: Request) -> Response:
        return JSONResponse(tick(self.account, (await read_model(request, TickAsked)).count))

    async def clock(self, request: Request) -> Response:
        asked = await read_model(request, ClockAsked)
        if asked.at is not None and asked.at.tzinfo is None:
            raise ControlError("at: carries no time zone; write for example 2026-01-01T00:00:00Z")
        self.account.clock.stands_at, self.account.clock.ahead = asked.at, timedelta(seconds=asked.ahead_s)
        return JSONResponse({"now": self.account.clock.now().isoformat()})

    async def settings(self, request: Request) -> Response:
        if request.method == "POST":
            self.account.settings = await changed(request, self.account.settings, SETTINGS)
        return JSONResponse(asdict(self.account.settings))

    async def limits(self, request: Request) -> Response:
        """Besides the settings, `remaining_today` sets what is left of the day."""
        limits = self.account.limits
        if request.method == "DELETE":
            limits.refresh()
        elif request.method == "POST":
            body = await read_object(request)
            remaining = body.pop("remaining_today", None)
            limits.settings = merged(body, limits.settings, LIMITS)
            if remaining is not None:
                limits.headers(is_oauth=False)  # begins the day, if it is a new one
                limits.used_today = limits.settings.daily - int(remaining)
        return JSONResponse({**asdict(limits.settings), "used_today": limits.used_today})

    async def index(self, _request: Request) -> Response:
        for each in self.account.indexes.values():
            each.catch_up(everything=True)
        return Response(status_code=204)

    async def read_records(self, request: Request) -> Response:
        records = self._of(request.query_params.get("object", ""))
        listed = [{"id": str(record_id), **records.by_id[record_id].as_kept()} for record_id in records.ids]
        return JSONResponse({"records": listed})

    async def add_records(self, request: Request) -> Response:
        asked = await read_model(request, RecordsAsked)
        records, ids = self._of(asked.object), []
        stamp = to_ms(asked.at) if asked.at else self.account.clock.now_ms()
        for properties in asked.records:
            unknown = sorted(set(properties) - set(records.properties))
            if unknown:
                raise ControlError(f"records: no property {', '.join(unknown)}")
            kept = {name: value for name, value in properties.items() if value}
            record = Record(records.highest_id + 1, stamp, stamp, kept)
            self.account.put(records, record, indexed=True)
            ids.append(str(record.id))
        return JSONResponse({"ids": ids}, status_code=201)

    async def touch(self, request: Request) -> Response:
        asked = await read_model(request, TouchAsked)
        records = self._of(asked.object)
        living = list(records.living())[: asked.count]
        for record in living:
            self.account.put(records, replace(record, updated_ms=to_ms(asked.at)), indexed=True)
        return JSONResponse({"touched": len(living)})

    async def edit(self, request: Request) -> Response:
        asked = await read_model(request, EditAsked)
        writer = Writer(self.account, self._of(asked.object), Edits(asked.source, asked.source_id))
        record = writer.update(writer.found(asked.id), asked.properties)
        return JSONResponse({"id": str(record.id), **record.as_kept()})

    async def silent_change(self, request: Request) -> Response:
        asked = await read_model(request, SilentAsked)
        records = self._of(asked.object)
        record = self._writer(asked.object).found(asked.id)
        now = self.account.clock.now_ms()
        changed = record.changed(asked.properties, at_ms=now, source="CALCULATED", source_id="", silent=True)
        self.account.put(records, changed)
        return Response(status_code=204)

    async def archive(self, request: Request) -> Response:
        return await self._each(request, Writer.archive)

    async def restore(self, request: Request) -> Response:
        return await self._each(request, Writer.restore, archived=True)

    async def erase(self, request: Request) -> Response:
        return await self._each(request, Writer.erase)

    async def merge(self, request: Request) -> Response:
        asked = await read_model(request, MergeAsked)
        writer = self._writer(asked.object)
        return JSONResponse({"id": str(writer.merge(writer.found(asked.winner), writer.found(asked.loser)).id)})

    async def opt_out(self, request: Request) -> Response:
        asked = await read_model(request, OptOutAsked)
        self.account.consent.say(asked.email, "all", "UNSUBSCRIBED", Edits("EMAIL", "preferences page"))
        return Response(status_code=204)

    async def event(self, request: Request) -> Response:
        asked = await read_model(request, EventAsked)
        if asked.type not in EVENT_TYPES:
            raise ControlError(f"type: {asked.type} is not one of {', '.join(sorted(EVENT_TYPES))}")
        stamp = to_ms(asked.at) if asked.at else self.account.clock.now_ms()
        held, portal_id = self.account.engagement, self.account.credentials.portal_id
        event = {"id": f"{len(held.events):036d}", "created": stamp, "type": asked.type, "recipient": asked.recipient,
                 "appId": 113, "portalId": portal_id, "emailCampaignId": asked.campaign}  # fmt: skip
        held.happened(event)
        held.in_order()
        return JSONResponse(event, status_code=201)

    async def submission(self, request: Request) -> Response:
        asked = await read_model(request, SubmissionAsked)
        if asked.form not in FORMS:
            raise ControlError(f"form: {asked.form} is not one of {', '.join(FORMS)}")
        stamp = to_ms(asked.at) if asked.at else self.account.clock.now_ms()
        return JSONResponse(self.account.engagement.submitted(asked.form, asked.values, stamp), status_code=201)

    async def expire_tokens(self, _request: Request) -> Response:
        return JSONResponse({"expired": self.account.tokens.expire_all()})

    async def tokens(self, request: Request) -> Response:
        asked, tokens = await read_model(request, TokensAsked), self.account.tokens
        if asked.lifetime_s is not None:
            tokens.lifetime_s = asked.lifetime_s
        if asked.private_app_works is not None:
            tokens.private_app_works = asked.private_app_works
        return JSONResponse({"lifetime_s": tokens.lifetime_s, "private_app_works": tokens.private_app_works})

    async def webhooks(self, request: Request) -> Response:
        hooks = self.account.webhooks
        if request.method == "DELETE":
            hooks.settings = WebhookSettings()
            hooks.waiting.clear()
            hooks.deliveries.clear()
        elif request.method == "POST":
            hooks.settings = await changed(request, hooks.settings, WEBHOOKS)
        return JSONResponse(hooks.listed())

    async def deliver(self, request: Request) -> Response:
        spoiling = await changed(request, Spoiling(), SPOILING)
        return JSONResponse({"deliveries": await self.account.webhooks.deliver(spoiling)})

    async def _each(
        self, request: Request, act: Callable[[Writer, Record], object], *, archived: bool = False
    ) -> Response:
        asked = await read_model(request, IdsAsked)
        writer = self._writer(asked.object)
        for each in asked.ids:
            act(writer, writer.found(each, archived=archived))
        return Response(status_code=204)

    def _of(self, name: str) -> Records:
        try:
            return self.account.of(name)
        except HubSpotFault as fault:
            raise ControlError(f"object: {fault}") from fault

    def _writer(self, name: str) -> Writer:
        return Writer(self.account, self._of(name), PERSON)


def routes(account: Account) -> list[Route]:
    """The control API; what HubSpot itself would refuse is answered 400 with its words."""
    control = _Control(account)
    calls: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "tick", control.tick),
        ("POST", "clock", control.clock),
        ("GET POST", "settings", control.settings),
        ("GET POST DELETE", "limits", control.limits),
        ("POST", "index", control.index),
        ("GET", "records", control.read_records),
        ("POST", "records", control.add_records),
        ("POST", "touch", control.touch),
        ("POST", "edit", control.edit),
        ("POST", "silent_change", control.silent_change),
        ("POST", "archive", control.archive),
        ("POST", "restore", control.restore),
        ("POST", "erase", control.erase),
        ("POST", "merge", control.merge),
        ("POST", "opt_out", control.opt_out),
        ("POST", "events", control.event),
        ("POST", "submissions", control.submission),
        ("POST", "expire_tokens", control.expire_tokens),
        ("POST", "tokens", control.tokens),
        ("GET POST DELETE", "webhooks", control.webhooks),
        ("POST", "webhooks/deliver", control.deliver),
    ]
    own = [Route(f"{CONTROL_PREFIX}/{path}", _told(call), methods=methods.split()) for methods, path, call in calls]
    return [*own, *edge_routes(account.faults, account.journal, read_fault)]


def _told(call: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await call(request)
        except HubSpotFault as fault:
            raise ControlError(str(fault)) from fault

    return answer
