"""`/api/v5/objects/…`: reading every collection, writing prospects and list memberships."""

import json
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.pardot.errors import PardotFault
from sandbox.pardot.kinds import KINDS, Kind
from sandbox.pardot.querying import Queries, check_fields, rendered, split_fields
from sandbox.pardot.unit import Record, Unit
from sandbox.pardot.writing import Writer

BASE = "/api/v5/objects"
_ACCOUNT = {"id": 104_291, "company": "Sandbox Org", "level": "Growth", "website": "https://www.example.com"}


def routes(unit: Unit) -> list[Route]:
    calls = _Objects(unit)
    return [
        Route(f"{BASE}/account", calls.account, methods=["GET"]),
        Route(f"{BASE}/prospects/do/upsertLatestByEmail", calls.upsert, methods=["POST"]),
        Route(f"{BASE}/prospects/{{id}}/do/undelete", calls.undelete, methods=["POST"]),
        Route(f"{BASE}/{{kind}}/{{id}}", calls.one, methods=["GET", "PATCH", "DELETE"]),
        Route(f"{BASE}/{{kind}}", calls.many, methods=["GET", "POST"]),
    ]


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises the refusal of anything else."""
    try:
        parsed = json.loads(await request.body())
    except ValueError as error:
        raise PardotFault(71, "the body is not JSON") from error
    if not isinstance(parsed, dict):
        raise PardotFault(71, "the body is not a JSON object")
    return parsed


class _Objects:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.queries = Queries(unit)

    async def account(self, request: Request) -> Response:
        names = split_fields(request.query_params)
        if unknown := sorted(set(names) - set(_ACCOUNT)):
            raise PardotFault(71, f"{unknown[0]} is not a field of account")
        return JSONResponse({name: _ACCOUNT[name] for name in names})

    async def many(self, request: Request) -> Response:
        kind = self.unit.kind(request.path_params["kind"])
        if request.method == "POST":
            return await self._create(request, kind)
        page = self.queries.page(kind, request.query_params)
        url = None
        if page.token:
            query = f"fields={request.query_params['fields']}&nextPageToken={page.token}"
            url = str(request.url.replace(query=query))
        headers = {"Pardot-Warning": ", ".join(page.warnings)} if page.warnings else {}
        body = {"nextPageToken": page.token, "nextPageUrl": url, "values": page.values}
        return JSONResponse(body, headers=headers)

    async def one(self, request: Request) -> Response:
        kind = self.unit.kind(request.path_params["kind"])
        record = self.unit.found(kind.name, request.path_params["id"])
        if request.method == "GET":
            return self._read(request, kind, record)
        _refuse_protected(kind)
        if request.method == "DELETE":
            if kind.name == "prospects":
                Writer(self.unit).delete(record)
            else:
                self.unit.drop(kind.name, record["id"])
            return Response(status_code=204)
        values = await read_object(request)
        if kind.name == "prospects":
            record = Writer(self.unit).update(record, values)
        else:
            if set(values) - {"optedOut"}:
                raise PardotFault(85, "only optedOut can be changed")
            record = self.unit.put(kind.name, {**record, **values, "updatedAt": self.unit.now()})
        return self._written(kind, record, request.query_params, status=200)

    async def upsert(self, request: Request) -> Response:
        body = await read_object(request)
        values = body.get("prospect")
        if not isinstance(values, dict):
            raise PardotFault(71, "prospect is missing")
        email = str(body.get("matchEmail") or values.get("email") or "")
        look = bool(body.get("secondaryDeletedSearch", True))
        names = {"fields": ",".join(body.get("fields") or ())}
        if names["fields"]:
            check_fields(self.unit, KINDS["prospects"], split_fields(names))
        record, made = Writer(self.unit).upsert(email, values, look_in_bin=look)
        return self._written(KINDS["prospects"], record, names, status=201 if made else 200)

    async def undelete(self, request: Request) -> Response:
        record = self.unit.found("prospects", request.path_params["id"])
        return self._written(KINDS["prospects"], Writer(self.unit).undelete(record), request.query_params, status=200)

    async def _create(self, request: Request, kind: Kind) -> Response:
        _refuse_protected(kind)
        values = await read_object(request)
        record = Writer(self.unit).create(values) if kind.name == "prospects" else self._membership(values)
        return self._written(kind, record, request.query_params, status=201)

    def _membership(self, values: Mapping[str, Any]) -> Record:
        list_id, prospect_id = str(values.get("listId", "")), str(values.get("prospectId", ""))
        pair = (self.unit.found("lists", list_id)["id"], self.unit.found("prospects", prospect_id)["id"])
        there = self.unit.records["list-memberships"].values()
        if any((each["listId"], each["prospectId"]) == pair for each in there):
            raise PardotFault(9, f"list {list_id}, prospect {prospect_id}")
        now, made = self.unit.now(), self.unit.next_id("list-memberships")
        record = {"id": made, "listId": pair[0], "prospectId": pair[1], "optedOut": bool(values.get("optedOut"))}
        return self.unit.put("list-memberships", record | {"createdAt": now, "updatedAt": now})

    def _read(self, request: Request, kind: Kind, record: Record) -> Response:
        names = split_fields(request.query_params)
        check_fields(self.unit, kind, names)
        since = request.headers.get("if-modified-since")
        if since and record["updatedAt"] <= parsedate_to_datetime(since).timestamp():
            return Response(status_code=304)
        headers = {"Pardot-Warning": "201 The record is from the recycle bin"} if record.get("isDeleted") else {}
        return JSONResponse(rendered(self.unit, kind, record, names), headers=headers)

    def _written(self, kind: Kind, record: Record, asked: Mapping[str, str], *, status: int) -> Response:
        headers = {"Location": f"{BASE}/{kind.name}/{record['id']}"} if status == 201 else {}
        if status == 201 and self.unit.settings.create_is_silent:
            return Response(status_code=204)
        if not asked.get("fields"):
            return Response(status_code=status, headers=headers)
        names = split_fields(asked)
        check_fields(self.unit, kind, names)
        return JSONResponse(rendered(self.unit, kind, record, names), status_code=status, headers=headers)


def _refuse_protected(kind: Kind) -> None:
    if kind.name == "campaigns":
        raise PardotFault(128)
    if kind.name == "prospect-accounts":
        raise PardotFault(37)
    if kind.name not in ("prospects", "list-memberships"):
        raise PardotFault(49, f"{kind.name} cannot be written here", status=403)
