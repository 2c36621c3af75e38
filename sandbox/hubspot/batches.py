"""`/crm/v3/objects/{type}/batch/…`: up to 100 records in a call, each with an outcome of its own where HubSpot gives one."""  # noqa: E501

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import iso
from sandbox.hubspot.account import Account
from sandbox.hubspot.associating import associate_inputs
from sandbox.hubspot.errors import HubSpotFault, malformed, not_found
from sandbox.hubspot.records import Record
from sandbox.hubspot.requests import read_object
from sandbox.hubspot.wire import Rendering, caller, inputs_of
from sandbox.hubspot.writing import Writer

MOST_INPUTS = 100
PATH = "/crm/v3/objects/{object}/batch"
Input = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """What one input came to. `new` where an upsert made the record."""

    record: Record
    new: bool | None = None


def routes(account: Account) -> list[Route]:
    """Read, create, update, upsert, archive."""
    batches = _Batches(account)
    calls = (batches.read, batches.create, batches.update, batches.upsert, batches.archive)
    return [Route(f"{PATH}/{call.__name__}", call, methods=["POST"]) for call in calls]


class _Batches:
    def __init__(self, account: Account) -> None:
        self.account = account
        self._random = random.Random(account.seed)

    async def read(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        archived = request.query_params.get("archived", "false") == "true"
        rendering = Rendering(
            self.account,
            writer.records,
            properties=body.get("properties") or (),
            history=body.get("propertiesWithHistory") or (),
        )
        by, found, missing = body.get("idProperty"), dict[int, Record](), []
        for each in inputs_of(body, most=MOST_INPUTS):
            try:
                record = writer.found(str(each.get("id", "")), by, archived=archived)
                found[record.id] = record
            except HubSpotFault as refusal:
                if refusal.status != 404:
                    raise
                missing.append(str(each.get("id", "")))
        fault = not_found(f"Could not get some {writer.records.type.singular.upper()} objects, they may be deleted or not exist. Check that ids are valid.")  # noqa: E501 # fmt: skip
        errors = [fault.as_item(ids=missing, trace_id=None)] if missing else []
        return self._answer([rendering(record) for record in found.values()], errors, whole=200)

    async def create(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        inputs = inputs_of(body, most=MOST_INPUTS)
        each_alone = bool(inputs) and all(each.get("objectWriteTraceId") for each in inputs)

        def create(each: Input) -> Done:
            record = writer.create(each.get("properties") or {})
            associate_inputs(self.account, writer.records, record, each.get("associations") or [])
            return Done(record)

        if not each_alone:  # without trace ids it is all or nothing
            _check_all(writer, inputs)
        return self._carry_out(writer, inputs, create, whole=201)

    async def update(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)

        def update(each: Input) -> Done:
            record = writer.found(str(each.get("id", "")), each.get("idProperty"))
            return Done(writer.update(record, each.get("properties") or {}))

        return self._carry_out(writer, inputs_of(body, most=MOST_INPUTS), update, whole=200)

    async def upsert(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        inputs = inputs_of(body, most=MOST_INPUTS)
        for by in {each.get("idProperty") for each in inputs}:
            if not by or not writer.records.is_unique(by):
                raise malformed(f"idProperty {by} is not a unique property of {writer.records.type.name}")

        def upsert(each: Input) -> Done:
            key, by = str(each.get("id", "")), str(each["idProperty"])
            if not key:
                raise malformed("id is required")
            record = writer.records.resolve(key, by)
            values = {by: key, **(each.get("properties") or {})}
            if by == "email" and record is not None:  # a secondary address must not become the first one
                values.pop(by)
            if record is None:
                return Done(writer.create(values), new=True)
            return Done(writer.update(record, values, operation="upsert"), new=False)

        return self._carry_out(writer, inputs, upsert, whole=200)

    async def archive(self, request: Request) -> Response:
        body, writer = await read_object(request), self._writer(request)
        for each in inputs_of(body, most=MOST_INPUTS):
            record = writer.records.resolve(str(each.get("id", "")))
            if record is not None:
                writer.archive(record)
        return Response(status_code=204)

    def _writer(self, request: Request) -> Writer:
        return Writer(self.account, self.account.of(request.path_params["object"]), caller(request).edits)

    def _carry_out(
        self, writer: Writer, inputs: Sequence[Input], act: Callable[[Input], Done], *, whole: int
    ) -> Response:
        if self.account.settings.whole_batch_refused:
            _check_all(writer, inputs)
        results, errors = [], []
        for each in inputs:
            trace_id = each.get("objectWriteTraceId")
            try:
                done = act(each)
            except HubSpotFault as fault:
                errors.append(fault.as_item(ids=[str(each["id"])] if "id" in each else [], trace_id=trace_id))
                continue
            told = Rendering(self.account, writer.records, properties=list(each.get("properties") or ()))(done.record)
            told |= {"objectWriteTraceId": trace_id} if trace_id else {}
            results.append(told | ({"new": done.new} if done.new is not None else {}))
        return self._answer(results, errors, whole=whole)

    def _answer(self, results: list[Any], errors: list[Any], *, whole: int) -> Response:
        if self.account.settings.shuffle_results:
            self._random.shuffle(results)
        now = iso(self.account.clock.now_ms())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        if not errors:
            return JSONResponse(body, status_code=whole)
        return JSONResponse({**body, "numErrors": len(errors), "errors": errors}, status_code=207)


def _check_all(writer: Writer, inputs: Sequence[Input]) -> None:
    """Refuse the batch where one of its records would be refused, before any is written."""
    for each in inputs:
        record = writer.records.resolve(str(each["id"]), each.get("idProperty")) if "id" in each else None
        operation = "create" if record is None else "update"
        writer.check(each.get("properties") or {}, operation=operation, record=record)
