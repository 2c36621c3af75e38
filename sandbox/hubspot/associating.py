"""`/crm/v4/…/associations/…`: reading and changing what belongs together."""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import iso
from sandbox.hubspot.account import Account
from sandbox.hubspot.associations import TYPES, UNLABELLED
from sandbox.hubspot.errors import HubSpotFault, malformed, not_found
from sandbox.hubspot.records import Record, Records
from sandbox.hubspot.requests import read_object
from sandbox.hubspot.wire import inputs_of

MOST_PAIRS, MOST_READ, LARGEST_PAGE = 2_000, 1_000, 500
ONE = "/crm/v4/objects/{object}/{id}/associations"
MANY = "/crm/v4/associations/{object}/{to}"


def routes(account: Account) -> list[Route]:
    """The fourth version of the associations API."""
    calls = _Associating(account)
    return [
        Route(f"{ONE}/default/{{to}}/{{to_id}}", calls.put_default, methods=["PUT"]),
        Route(f"{ONE}/{{to}}/{{to_id}}", calls.put, methods=["PUT"]),
        Route(f"{ONE}/{{to}}/{{to_id}}", calls.delete, methods=["DELETE"]),
        Route(f"{ONE}/{{to}}", calls.page_of_one, methods=["GET"]),
        Route(f"{MANY}/labels", calls.labels, methods=["GET"]),
        Route(f"{MANY}/batch/read", calls.read_many, methods=["POST"]),
        Route(f"{MANY}/batch/create", calls.create_many, methods=["POST"]),
        Route(f"{MANY}/batch/associate/default", calls.create_many_default, methods=["POST"]),
        Route(f"{MANY}/batch/archive", calls.archive_many, methods=["POST"]),
        Route(f"{MANY}/batch/labels/archive", calls.archive_labels, methods=["POST"]),
    ]


def associate_inputs(account: Account, records: Records, record: Record, asked: Iterable[dict[str, Any]]) -> None:
    """`associations` of a record that is created. Raises HubSpotFault where one cannot be made."""
    for each in asked:
        for kind in each.get("types") or []:
            type_id = int(kind["associationTypeId"])
            target = next((pair[1] for pair, ids in TYPES.items() if pair[0] == records.type.name and type_id in ids), "")  # noqa: E501 # fmt: skip
            if not target:
                raise malformed(f"Association type {type_id} does not exist for {records.type.name}")
            other = _living(account.of(target), str(each["to"]["id"]))
            account.associations.add(records.type.name, record.id, target, other.id, type_id)


class _Associating:
    def __init__(self, account: Account) -> None:
        self.account = account

    async def page_of_one(self, request: Request) -> Response:
        source, target = self._both(request)
        record, asked = _living(source, request.path_params["id"]), request.query_params
        limit = int(asked.get("limit", LARGEST_PAGE))
        if not 1 <= limit <= LARGEST_PAGE:
            raise malformed(f"limit must be between 1 and {LARGEST_PAGE}, not {limit}")
        return JSONResponse(self._page(source, record, target, after=int(asked.get("after", 0)), limit=limit))

    async def labels(self, request: Request) -> Response:
        source, target = self._both(request)
        known = TYPES.get((source.type.name, target.type.name), {})
        listed = [{"category": "HUBSPOT_DEFINED", "typeId": each, "label": label} for each, label in known.items()]
        return JSONResponse({"results": listed})

    async def put_default(self, request: Request) -> Response:
        source, target = self._both(request)
        self._associate(source, request.path_params["id"], target, request.path_params["to_id"], ())
        return JSONResponse({"status": "COMPLETE", "results": []})

    async def put(self, request: Request) -> Response:
        source, target = self._both(request)
        types = [int(each["associationTypeId"]) for each in await request.json()]
        path = request.path_params
        self._associate(source, path["id"], target, path["to_id"], types)
        labels = [TYPES[source.type.name, target.type.name][each] for each in types]
        told = {"fromObjectTypeId": source.type.type_id, "fromObjectId": int(path["id"]), "labels": labels,
                "toObjectTypeId": target.type.type_id, "toObjectId": int(path["to_id"])}  # fmt: skip
        return JSONResponse(told, status_code=201)

    async def delete(self, request: Request) -> Response:
        source, target = self._both(request)
        path = request.path_params
        self.account.associations.remove(source.type.name, int(path["id"]), target.type.name, int(path["to_id"]))
        return Response(status_code=204)

    async def read_many(self, request: Request) -> Response:
        source, target = self._both(request)
        results, missing = [], []
        for each in inputs_of(await read_object(request), most=MOST_READ):
            record = source.resolve(str(each["id"]))
            page = self._page(source, record, target, after=int(each.get("after") or 0), limit=LARGEST_PAGE) if record else {}  # noqa: E501 # fmt: skip
            if page.get("results"):
                results.append({"from": {"id": str(each["id"])}, "to": page.pop("results"), **page})
            else:
                missing.append(str(each["id"]))
        message = f"No {target.type.singular.lower()} is associated with {source.type.singular.lower()}"
        fault = HubSpotFault(404, "OBJECT_NOT_FOUND", message, sub_category="crm.associations.NO_ASSOCIATIONS_FOUND")
        errors = [fault.as_item(ids=[each], trace_id=None) for each in missing]
        return self._answer(results, errors)

    async def create_many(self, request: Request) -> Response:
        return await self._each_pair(request, self._associate_input)

    async def create_many_default(self, request: Request) -> Response:
        return await self._each_pair(request, self._associate_input)

    async def archive_many(self, request: Request) -> Response:
        source, target = self._both(request)
        for each in inputs_of(await read_object(request), most=MOST_PAIRS):
            for other in each["to"]:
                self.account.associations.remove(source.type.name, int(each["from"]["id"]), target.type.name, int(other["id"]))  # noqa: E501 # fmt: skip
        return Response(status_code=204)

    async def archive_labels(self, request: Request) -> Response:
        source, target = self._both(request)
        for each in inputs_of(await read_object(request), most=MOST_PAIRS):
            for kind in each["types"]:
                self.account.associations.remove(source.type.name, int(each["from"]["id"]), target.type.name, int(each["to"]["id"]), int(kind["associationTypeId"]))  # noqa: E501 # fmt: skip
        return Response(status_code=204)

    async def _each_pair(self, request: Request, act: Any) -> Response:
        source, target = self._both(request)
        results, errors = [], []
        for each in inputs_of(await read_object(request), most=MOST_PAIRS):
            try:
                act(source, target, each)
                results.append({"from": {"id": each["from"]["id"]}, "to": {"id": each["to"]["id"]}})
            except HubSpotFault as fault:
                errors.append(fault.as_item(ids=[str(each["from"]["id"]), str(each["to"]["id"])], trace_id=None))
        return self._answer(results, errors, whole=201)

    def _associate_input(self, source: Records, target: Records, each: dict[str, Any]) -> None:
        types = [int(kind["associationTypeId"]) for kind in each.get("types") or []]
        self._associate(source, str(each["from"]["id"]), target, str(each["to"]["id"]), types)

    def _associate(self, source: Records, source_id: str, target: Records, target_id: str, types: Sequence[int]) -> None:  # noqa: E501 # fmt: skip
        pair = (source.type.name, target.type.name)
        record, other = _living(source, source_id), _living(target, target_id)
        if pair not in UNLABELLED:
            raise malformed(f"{pair[0]} cannot be associated with {pair[1]}")
        for type_id in types or [UNLABELLED[pair]]:
            self.account.associations.add(pair[0], record.id, pair[1], other.id, type_id)

    def _both(self, request: Request) -> tuple[Records, Records]:
        return self.account.of(request.path_params["object"]), self.account.of(request.path_params["to"])

    def _page(self, source: Records, record: Record, target: Records, *, after: int, limit: int) -> dict[str, Any]:
        labels = TYPES.get((source.type.name, target.type.name), {})
        others = self.account.associations.of(source.type.name, record.id, target.type.name)
        living = sorted(each for each in others if target.by_id[each].archived_ms is None and each > after)
        results = [
            {
                "toObjectId": other_id,
                "associationTypes": [
                    {"category": "HUBSPOT_DEFINED", "typeId": each, "label": labels[each]}
                    for each in sorted(others[other_id])
                ],
            }
            for other_id in living[:limit]
        ]
        paging = {"paging": {"next": {"after": str(living[limit - 1])}}} if len(living) > limit else {}
        return {"results": results, **paging}

    def _answer(self, results: list[Any], errors: list[Any], *, whole: int = 200) -> Response:
        now = iso(self.account.clock.now_ms())
        body = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
        if not errors:
            return JSONResponse(body, status_code=whole)
        return JSONResponse({**body, "numErrors": len(errors), "errors": errors}, status_code=207)


def _living(records: Records, identity: str) -> Record:
    record = records.resolve(identity)
    if record is None or record.archived_ms is not None:
        raise not_found(f"{records.type.singular} with id {identity} not found")
    return record
