"""`/__sandbox__/…`: what a test or a person may do to the org that no API of Salesforce offers. See `CONTROL.md`."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.control import ControlError, changed, edge_routes, read_model
from sandbox.edge import CONTROL_PREFIX
from sandbox.salesforce.conditions import BulkSettings, conditions_of, outbound_of
from sandbox.salesforce.conversion import convert
from sandbox.salesforce.faults import read_fault
from sandbox.salesforce.late import LateCommits
from sandbox.salesforce.outbound import OutboundSettings, Spoiling
from sandbox.salesforce.removals import Removal
from sandbox.salesforce.schema import SchemaError
from sandbox.salesforce.store import Org, ReadSettings
from sandbox.salesforce.tick import tick
from sandbox.salesforce.truth import records, truth
from sandbox.salesforce.values import RefusedValue, stored
from sandbox.salesforce.writes import Writer, transaction

Answer = TypeVar("Answer")
READING = TypeAdapter(ReadSettings)
OUTBOUND, SPOILING = TypeAdapter(OutboundSettings), TypeAdapter(Spoiling)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TickAsked(_Asked):
    count: int = Field(default=1, ge=1)


class LimitAsked(_Asked):
    name: str
    max: int | None = Field(default=None, ge=0)
    remaining: int | None = Field(default=None, ge=0)


class FieldAsked(_Asked):
    action: Literal["add", "remove", "hide", "show", "retype"]
    object: str
    field: str
    definition: str | dict[str, Any] | None = None
    value_sql: str | None = None


class FormulaAsked(_Asked):
    object: str
    field: str
    sql: str


class SilentAsked(_Asked):
    object: str
    id: str
    field: str
    value: Any


class LateAsked(_Asked):
    object: str
    values: dict[str, Any]
    age_s: int = Field(default=300, ge=0)
    after_s: float | None = Field(default=None, ge=0)


class IdsAsked(_Asked):
    ids: list[str]


class MergeAsked(_Asked):
    winner: str
    losers: list[str]


class ConvertAsked(_Asked):
    lead: str
    account: str | None = None
    status: str = "Closed - Converted"


class ClockAsked(_Asked):
    at: datetime | None = None
    ahead_s: float = 0.0


class SettingsAsked(_Asked):
    bulk: dict[str, Any] = {}
    reading: dict[str, Any] = {}


class _Control:
    def __init__(self, org: Org) -> None:
        self.org = org
        self.conditions = conditions_of(org)
        self.late = LateCommits(org)

    async def tick(self, request: Request) -> Response:
        asked = await read_model(request, TickAsked)
        return JSONResponse(await _aside(partial(tick, self.org, asked.count)))

    async def limits(self, request: Request) -> Response:
        asked = await read_model(request, LimitAsked)
        try:
            if asked.max is not None:
                self.org.limits.set_maximum(asked.name, asked.max)
            if asked.remaining is not None:
                self.org.limits.set_remaining(asked.name, asked.remaining)
        except KeyError as error:
            raise ControlError(f"name: Salesforce has no limit {error}") from error
        return JSONResponse(self.org.limits.listed())

    async def reset_limits(self, _request: Request) -> Response:
        self.org.limits.reset()
        return Response(status_code=204)

    async def fields(self, request: Request) -> Response:
        asked = await read_model(request, FieldAsked)
        org, where = self.org, (asked.object, asked.field)
        if asked.action in ("add", "retype") and asked.definition is None:
            raise ControlError(f"definition: {asked.action} needs one, for example string(40)")
        actions: dict[str, Callable[[], object]] = {
            "add": partial(org.add_field, *where, asked.definition, value_sql=asked.value_sql),
            "remove": partial(org.remove_field, *where),
            "hide": partial(org.hide_field, *where),
            "show": partial(org.hide_field, *where, hidden=False),
            "retype": partial(org.retype_field, *where, asked.definition),
        }
        await self._schema_change(actions[asked.action])
        return Response(status_code=204)

    async def formula(self, request: Request) -> Response:
        asked = await read_model(request, FormulaAsked)
        await self._schema_change(partial(self.org.change_formula, asked.object, asked.field, asked.sql))
        return Response(status_code=204)

    async def silent_change(self, request: Request) -> Response:
        asked = await read_model(request, SilentAsked)
        await _aside(partial(self._change_silently, asked))
        return Response(status_code=204)

    async def late_commit(self, request: Request) -> Response:
        asked = await read_model(request, LateAsked)
        late = self.late.hold(
            asked.object, asked.values, age_s=asked.age_s, after_s=asked.after_s, user_id=self.org.user_id
        )
        return JSONResponse({"id": late.number, "stamp": f"{late.stamp:%Y-%m-%dT%H:%M:%SZ}"}, status_code=201)

    async def late_commits(self, _request: Request) -> Response:
        return JSONResponse({"late_commits": self.late.waiting()})

    async def commit_late(self, request: Request) -> Response:
        return JSONResponse({"record_id": await _aside(partial(self.late.commit, request.path_params["number"]))})

    async def hard_delete(self, request: Request) -> Response:
        asked = await read_model(request, IdsAsked)
        writer = Writer(self.org, object_name=None, user_id=self.org.user_id)
        outcomes = await _aside(partial(writer.delete, asked.ids, hard=True))
        return JSONResponse({"results": [outcome.as_json() for outcome in outcomes]})

    async def undelete(self, request: Request) -> Response:
        asked = await read_model(request, IdsAsked)
        return JSONResponse({"restored": await _aside(partial(self._undelete, asked.ids))})

    async def merge(self, request: Request) -> Response:
        asked = await read_model(request, MergeAsked)
        await _aside(partial(self._merge, asked.winner, asked.losers))
        return Response(status_code=204)

    async def convert(self, request: Request) -> Response:
        asked = await read_model(request, ConvertAsked)
        work = partial(convert, self.org, asked.lead, account_id=asked.account, status=asked.status)
        return JSONResponse(await _aside(work))

    async def clock(self, request: Request) -> Response:
        asked = await read_model(request, ClockAsked)
        if asked.at is not None and asked.at.tzinfo is None:
            raise ControlError("at: carries no time zone; write for example 2026-01-01T00:00:00Z")
        self.org.clock.stands_at, self.org.clock.ahead = asked.at, timedelta(seconds=asked.ahead_s)
        return JSONResponse({"now": self.org.now().isoformat()})

    async def records(self, request: Request) -> Response:
        return JSONResponse(await _aside(partial(records, self.org, request.query_params.get("object", ""))))

    async def expire_tokens(self, _request: Request) -> Response:
        return JSONResponse({"expired": self.org.sessions.expire_all()})

    async def settings(self, request: Request) -> Response:
        if request.method == "POST":
            asked = await read_model(request, SettingsAsked)
            self._set(asked)
        return JSONResponse(
            {"bulk": self.conditions.bulk.model_dump(), "reading": READING.dump_python(self.org.reading, mode="json")}
        )

    async def outbound(self, request: Request) -> Response:
        messages = outbound_of(self.org)
        if request.method == "DELETE":
            messages.forget()
        elif request.method == "POST":
            messages.settings = await changed(request, messages.settings, OUTBOUND)
        return JSONResponse(messages.listed())

    async def deliver(self, request: Request) -> Response:
        spoiling = await changed(request, Spoiling(), SPOILING)
        return JSONResponse({"deliveries": await _aside(partial(outbound_of(self.org).deliver, spoiling))})

    async def truth(self, request: Request) -> Response:
        names = [name for name in request.query_params.get("objects", "").split(",") if name]
        return JSONResponse(await _aside(partial(truth, self.org, names)))

    async def _schema_change(self, change: Callable[[], object]) -> None:
        try:
            await _aside(change)
        except SchemaError as error:
            raise ControlError(str(error)) from error

    def _set(self, asked: SettingsAsked) -> None:
        """Change what is named, leave the rest; nothing changes when anything is wrong."""
        unknown = sorted(set(asked.reading) - set(vars(self.org.reading)))
        if unknown:
            raise ControlError(f"reading.{unknown[0]}: unknown; known are {', '.join(vars(self.org.reading))}")
        try:
            bulk = BulkSettings.model_validate(self.conditions.bulk.model_dump() | asked.bulk)
            reading = READING.validate_python(vars(self.org.reading) | asked.reading)
        except ValidationError as error:
            wrong = error.errors()[0]
            raise ControlError(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from error
        self.conditions.bulk, self.org.reading = bulk, reading

    def _change_silently(self, asked: SilentAsked) -> None:
        spec = self.org.object(asked.object)
        field = spec.fields.get(asked.field)
        if field is None or field.storage is None:
            raise ControlError(f"field: {spec.name}.{asked.field} is not stored; change a formula by change_formula")
        try:
            value = stored(field, asked.value, from_text=False)
        except RefusedValue as refusal:
            raise ControlError(str(refusal)) from refusal
        with transaction(self.org) as cursor:
            cursor.execute(
                f'update {self.org.table(spec.name)} set "{field.name}" = ? where "Id" = ?', [value, asked.id]
            )

    def _undelete(self, ids: list[str]) -> int:
        with transaction(self.org) as cursor:
            removal = Removal(self.org, cursor, user_id=self.org.user_id)
            return sum(removal.undelete(each) for each in ids)

    def _merge(self, winner: str, losers: list[str]) -> None:
        with transaction(self.org) as cursor:
            Removal(self.org, cursor, user_id=self.org.user_id).merge(winner, losers)


def routes(org: Org) -> list[Route]:
    """The control API of this org."""
    control, conditions = _Control(org), conditions_of(org)
    posts = {
        "tick": control.tick,
        "limits": control.limits,
        "fields": control.fields,
        "change_formula": control.formula,
        "silent_change": control.silent_change,
        "late_commits": control.late_commit,
        "late_commits/{number:int}": control.commit_late,
        "hard_delete": control.hard_delete,
        "undelete": control.undelete,
        "merge": control.merge,
        "convert": control.convert,
        "expire_tokens": control.expire_tokens,
        "settings": control.settings,
        "clock": control.clock,
        "outbound": control.outbound,
        "outbound/deliver": control.deliver,
    }
    return [
        *edge_routes(conditions.faults, conditions.journal, read_fault),
        *(Route(f"{CONTROL_PREFIX}/{path}", endpoint, methods=["POST"]) for path, endpoint in posts.items()),
        Route(f"{CONTROL_PREFIX}/limits", control.reset_limits, methods=["DELETE"]),
        Route(f"{CONTROL_PREFIX}/late_commits", control.late_commits, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/settings", control.settings, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/outbound", control.outbound, methods=["GET", "DELETE"]),
        Route(f"{CONTROL_PREFIX}/truth", control.truth, methods=["GET"]),
        Route(f"{CONTROL_PREFIX}/records", control.records, methods=["GET"]),
    ]


async def _aside(work: Callable[[], Answer]) -> Answer:
    return await asyncio.to_thread(work)
