"""Writing over REST: single rows, upsert by external id, collections of up to 200."""

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce import soql
from sandbox.salesforce.drafts import GONE, UNKNOWN_ID
from sandbox.salesforce.errors import SalesforceFault, not_found
from sandbox.salesforce.ids import is_id, to_18
from sandbox.salesforce.record_json import RecordWriter
from sandbox.salesforce.store import Org
from sandbox.salesforce.values import RowError
from sandbox.salesforce.wire import read_object, user_of
from sandbox.salesforce.writes import Outcome, Writer, in_transaction

BASE = "/services/data/v{version}"
COLLECTION_ROWS, COLLECTION_RUNS, RETRIEVED_ROWS = 200, 10, 2000
Answer = TypeVar("Answer")


def routes(org: Org) -> list[Route]:
    """The resources that write rows."""
    rows, collections = _Rows(org), _Collections(org)
    row, keyed = f"{BASE}/sobjects/{{object}}/{{id}}", f"{BASE}/sobjects/{{object}}/{{key}}/{{value:path}}"
    many = f"{BASE}/composite/sobjects"
    return [
        Route(f"{BASE}/sobjects/{{object}}", rows.create, methods=["POST"]),
        Route(row, rows.update, methods=["PATCH"]),
        Route(row, rows.delete, methods=["DELETE"]),
        Route(keyed, rows.upsert, methods=["PATCH"]),
        Route(many, collections.create, methods=["POST"]),
        Route(many, collections.update, methods=["PATCH"]),
        Route(many, collections.delete, methods=["DELETE"]),
        Route(f"{many}/{{object}}/{{key}}", collections.upsert, methods=["PATCH"]),
        Route(f"{many}/{{object}}", collections.retrieve, methods=["GET", "POST"]),
    ]


async def aside(work: Callable[[], Answer]) -> Answer:
    """Run blocking work off the event loop; within a composite's transaction it stays on the transaction's thread."""
    return work() if in_transaction() else await asyncio.to_thread(work)


class _Rows:
    def __init__(self, org: Org) -> None:
        self.org = org

    async def create(self, request: Request) -> Response:
        writer = _writer(self.org, request)
        outcome = (await aside(partial(writer.insert, [await read_object(request)])))[0]
        _raise_first(outcome)
        headers = {"Location": f"{request.url.path}/{outcome.id}"}
        return JSONResponse({"id": outcome.id, "success": True, "errors": []}, status_code=201, headers=headers)

    async def update(self, request: Request) -> Response:
        body = await read_object(request)
        if any(name.lower() == "id" for name in body):
            raise SalesforceFault(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
        record = body | {"Id": request.path_params["id"]}
        outcome = (await aside(partial(_writer(self.org, request).update, [record])))[0]
        _raise_first(outcome)
        return Response(status_code=204)

    async def delete(self, request: Request) -> Response:
        outcome = (await aside(partial(_writer(self.org, request).delete, [request.path_params["id"]])))[0]
        _raise_first(outcome)
        return Response(status_code=204)

    async def upsert(self, request: Request) -> Response:
        key, value, body = request.path_params["key"], request.path_params["value"], await read_object(request)
        writer = _writer(self.org, request)
        spec = writer.key_field(key)
        if any(name.lower() == key.lower() for name in body):
            sentence = f"The {spec.name} field should not be specified in the sobject data."
            raise SalesforceFault(400, "INVALID_FIELD", sentence, (spec.name,))
        matches = await aside(partial(writer.find, spec.name, value))
        if len(matches) > 1:
            base = f"/services/data/v{request.path_params['version']}/sobjects/{writer.object_name}"
            return JSONResponse([f"{base}/{each}" for each in matches], status_code=300)
        if not matches and request.query_params.get("updateOnly", "").lower() == "true":
            raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
        outcome = (await aside(partial(writer.upsert, [body | {spec.name: value}], key=spec.name)))[0]
        _raise_first(outcome)
        answer: dict[str, Any] = {"id": outcome.id, "success": True, "errors": [], "created": outcome.created}
        return JSONResponse(answer, status_code=201 if outcome.created else 200)


class _Collections:
    def __init__(self, org: Org) -> None:
        self.org = org

    async def create(self, request: Request) -> Response:
        records, all_or_none = await _records(request)
        return await self._write(request, records, "insert", all_or_none=all_or_none)

    async def update(self, request: Request) -> Response:
        records, all_or_none = await _records(request)
        return await self._write(request, records, "update", all_or_none=all_or_none)

    async def upsert(self, request: Request) -> Response:
        records, all_or_none = await _records(request)
        names = {_type_of(record).lower() for record in records}
        if names - {request.path_params["object"].lower()}:
            raise SalesforceFault(400, "INVALID_TYPE", "All records of an upsert must be of the type in the URL")
        return await self._write(request, records, "upsert", all_or_none=all_or_none)

    async def delete(self, request: Request) -> Response:
        ids = [each for each in request.query_params.get("ids", "").split(",") if each]
        _check_size(ids, COLLECTION_ROWS)
        all_or_none = request.query_params.get("allOrNone", "false").lower() == "true"
        writer = Writer(self.org, object_name=None, user_id=user_of(request))
        outcomes = await aside(partial(writer.delete, ids, all_or_none=all_or_none))
        return JSONResponse([outcome.as_json() for outcome in outcomes])

    async def retrieve(self, request: Request) -> Response:
        if request.method == "POST":
            asked = await read_object(request)
            ids, fields = asked.get("ids") or [], asked.get("fields") or []
        else:
            ids = request.query_params.get("ids", "").split(",")
            fields = request.query_params.get("fields", "").split(",")
        _check_size(ids, RETRIEVED_ROWS)
        find = partial(retrieved, self.org, request.path_params["object"], ids, fields)
        return JSONResponse(await aside(partial(find, version=request.path_params["version"])))

    async def _write(
        self, request: Request, records: Sequence[dict[str, Any]], operation: str, *, all_or_none: bool
    ) -> Response:
        runs = [(name, list(run)) for name, run in groupby(records, key=_type_of)]
        if len(runs) > COLLECTION_RUNS:
            sentence = f"The records are cut into more than {COLLECTION_RUNS} chunks of one type; sort them by type"
            raise SalesforceFault(400, "INVALID_INPUT", sentence)
        user_id, key = user_of(request), request.path_params.get("key", "Id")

        def work() -> list[Outcome]:
            outcomes: list[Outcome] = []
            for name, run in runs:
                writer = Writer(self.org, object_name=name, user_id=user_id)
                outcomes += writer.write(run, operation=operation, key=key, all_or_none=all_or_none)
            return outcomes

        outcomes = await aside(work)
        return JSONResponse([outcome.as_json(with_created=operation == "upsert") for outcome in outcomes])


def _writer(org: Org, request: Request) -> Writer:
    return Writer(org, object_name=request.path_params["object"], user_id=user_of(request))


async def _records(request: Request) -> tuple[list[dict[str, Any]], bool]:
    body = await read_object(request)
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise SalesforceFault(400, "JSON_PARSER_ERROR", "The request needs a list of objects named records")
    _check_size(records, COLLECTION_ROWS)
    return records, bool(body.get("allOrNone", False))


def _type_of(record: dict[str, Any]) -> str:
    name = (record.get("attributes") or {}).get("type")
    if not name:
        raise SalesforceFault(400, "INVALID_TYPE", "Each record needs attributes with a type")
    return str(name)


def _check_size(rows: Sequence[object], most: int) -> None:
    if len(rows) > most:
        sentence = f"record limit reached. cannot submit more than {most} records in this call"
        raise SalesforceFault(400, "EXCEEDED_ID_LIMIT", sentence)


def _raise_first(outcome: Outcome) -> None:
    """A refused single row is an HTTP error of its own."""
    if not outcome.errors:
        return
    error: RowError = outcome.errors[0]
    if error == UNKNOWN_ID:
        raise not_found()
    raise SalesforceFault(404 if error == GONE else 400, error.code, error.message, error.fields)


def retrieved(org: Org, object_name: str, ids: Sequence[str], fields: Sequence[str], *, version: str) -> list[Any]:
    """The records in the order of their ids, null for one that is not there. Raises SalesforceFault."""
    spec = org.object(object_name)
    if not ids or not fields:
        raise SalesforceFault(400, "MISSING_ARGUMENT", "A retrieve needs ids and fields")
    malformed = next((each for each in ids if not is_id(each)), None)
    if malformed is not None:
        raise SalesforceFault(400, "MALFORMED_ID", f"malformed id {malformed}")
    names = list(dict.fromkeys(["id", *(each.lower() for each in fields)]))
    wanted = ", ".join(f"'{to_18(each)}'" for each in ids)
    text = f"SELECT {', '.join(names)} FROM {spec.name} WHERE Id IN ({wanted})"
    compiled = soql.compile(org, text, bulk=False, include_deleted=False)
    writer = RecordWriter(compiled.columns, compiled.links, version=version, object_name=spec.name)
    with org.cursor() as cursor:
        rows = cursor.execute(compiled.sql, compiled.params).fetchall()
    found = {row[0]: json.loads(writer.record(row)) for row in rows}
    return [found.get(to_18(each)) for each in ids]
