"""`/crm/v3/objects/{type}`: one record, and pages of them."""

from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot.account import Account
from sandbox.hubspot.associating import associate_inputs
from sandbox.hubspot.errors import malformed
from sandbox.hubspot.records import Record, Records
from sandbox.hubspot.requests import read_object
from sandbox.hubspot.searching import search
from sandbox.hubspot.wire import Rendering, caller, names
from sandbox.hubspot.writing import Writer

USUAL_PAGE, PAGE_WITH_HISTORY = 10, 50
PATH = "/crm/v3/objects/{object}"


def routes(account: Account) -> list[Route]:
    """Lists, single records, search, merge, erasure. After the routes of batches, whose paths look like ids."""
    objects = _Objects(account)
    return [
        Route(f"{PATH}/search", objects.search, methods=["POST"]),
        Route(f"{PATH}/merge", objects.merge, methods=["POST"]),
        Route(f"{PATH}/gdpr-delete", objects.erase, methods=["POST"]),
        Route(PATH, objects.page, methods=["GET"]),
        Route(PATH, objects.create, methods=["POST"]),
        Route(f"{PATH}/{{id}}", objects.get, methods=["GET"]),
        Route(f"{PATH}/{{id}}", objects.update, methods=["PATCH"]),
        Route(f"{PATH}/{{id}}", objects.archive, methods=["DELETE"]),
    ]


class _Objects:
    def __init__(self, account: Account) -> None:
        self.account = account

    async def page(self, request: Request) -> Response:
        records, asked = self._records(request), request.query_params
        archived = asked.get("archived", "false") == "true"
        limit = _page_limit(asked.get("limit"), asked.get("propertiesWithHistory"), self.account.settings.page_limit)
        after = asked.get("after", "0")
        if not after.isdigit():
            raise malformed(f"after is not valid: {after}")
        found = list(islice(records.beyond(int(after), archived=archived), limit + 1))
        rendering = self._rendering(request, records)
        body: dict[str, Any] = {"results": [rendering(record) for record in found[:limit]]}
        if len(found) > limit:
            last = str(found[limit - 1].id)
            body["paging"] = {"next": {"after": last, "link": str(request.url.include_query_params(after=last))}}
        return JSONResponse(body)

    async def get(self, request: Request) -> Response:
        records, asked = self._records(request), request.query_params
        archived = asked.get("archived", "false") == "true"
        record = self._writer(request).found(request.path_params["id"], asked.get("idProperty"), archived=archived)
        return JSONResponse(self._rendering(request, records)(record))

    async def create(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        record = writer.create(body.get("properties") or {})
        associate_inputs(self.account, writer.records, record, body.get("associations") or [])
        return JSONResponse(_written(self.account, writer.records, record, body), status_code=201)

    async def update(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        record = writer.found(request.path_params["id"], request.query_params.get("idProperty"))
        record = writer.update(record, body.get("properties") or {})
        return JSONResponse(_written(self.account, writer.records, record, body))

    async def archive(self, request: Request) -> Response:
        writer = self._writer(request)
        record = writer.records.resolve(request.path_params["id"])
        if record is not None:
            writer.archive(record)
        return Response(status_code=204)

    async def search(self, request: Request) -> Response:
        records, raw = self._records(request), await request.body()
        asked = await read_object(request)
        found = search(self.account.indexes[records.type.name], asked, body_length=len(raw.decode()))
        rendering = Rendering(self.account, records, properties=asked.get("properties") or ())
        body: dict[str, Any] = {"total": found.total, "results": [rendering(record) for record in found.records]}
        if found.after is not None:
            body["paging"] = {"next": {"after": found.after}}
        return JSONResponse(body)

    async def merge(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        winner, loser = (writer.found(str(body.get(name, ""))) for name in ("primaryObjectId", "objectIdToMerge"))
        return JSONResponse(_written(self.account, writer.records, writer.merge(winner, loser), body))

    async def erase(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        record = writer.records.resolve(str(body.get("objectId", "")), body.get("idProperty"))
        if record is not None:
            writer.erase(record)
        return Response(status_code=204)

    def _records(self, request: Request) -> Records:
        return self.account.of(request.path_params["object"])

    def _writer(self, request: Request) -> Writer:
        return Writer(self.account, self._records(request), caller(request).edits)

    def _rendering(self, request: Request, records: Records) -> Rendering:
        asked = request.query_params
        return Rendering(
            self.account,
            records,
            properties=names(asked.get("properties")),
            history=names(asked.get("propertiesWithHistory")),
            associations=names(asked.get("associations")),
        )


def _written(account: Account, records: Records, record: Record, body: dict[str, Any]) -> dict[str, Any]:
    told = Rendering(account, records, properties=list(body.get("properties") or ()))(record)
    trace_id = body.get("objectWriteTraceId")
    return told | ({"objectWriteTraceId": trace_id} if trace_id else {})


def _page_limit(asked: str | None, history: str | None, most: int) -> int:
    most = min(most, PAGE_WITH_HISTORY) if history else most
    if asked is None:
        return min(USUAL_PAGE, most)
    if not asked.isdigit() or not 1 <= int(asked) <= most:
        raise malformed(f"limit must be between 1 and {most}, not {asked}")
    return int(asked)
