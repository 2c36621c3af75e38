"""The calls of bulk extract, for leads and for activities."""

import json
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.clock import parse_ms
from sandbox.marketo import activities as kinds
from sandbox.marketo.errors import MarketoFault, answer
from sandbox.marketo.exports import SEPARATORS, Job
from sandbox.marketo.instance import Instance
from sandbox.marketo.requests import read_object
from sandbox.marketo.schema import second

LONGEST_RANGE_MS = timedelta(days=31) // timedelta(milliseconds=1)
ACTIVITY_COLUMNS = ["marketoGUID", "leadId", "activityDate", "activityTypeId", "campaignId",
                    "primaryAttributeValueId", "primaryAttributeValue", "attributes"]  # fmt: skip


class _Calls:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.exports = instance.exports

    async def create(self, request: Request) -> Response:
        kind, body = request.path_params["kind"], await read_object(request)
        form = str(body.get("format") or "CSV").upper()
        if form not in SEPARATORS:
            raise MarketoFault("1003", f"Invalid format '{form}'")
        job = self._leads(form, body) if kind == "leads" else self._activities(form, body)
        job.filter = dict(body.get("filter") or {})
        return answer([job.told()])

    def _leads(self, form: str, body: dict[str, Any]) -> Job:
        names, asked = body.get("fields") or [], body.get("filter") or {}
        unknown = [name for name in names if name not in self.instance.fields]
        if not names or unknown:
            raise MarketoFault("1003", f"Invalid fields: {', '.join(unknown) or 'none given'}")
        if len(asked) != 1:
            raise MarketoFault("1003", "Exactly one filter is expected")
        [(name, told)] = asked.items()
        if name == "updatedAt" and not self.instance.settings.updated_at_filter:
            raise MarketoFault("1035", "Unsupported filter type for target subscription: updatedAt")
        if name not in ("createdAt", "updatedAt"):
            raise MarketoFault("1035", f"Unsupported filter type: {name}")
        start, end = _range(told)
        headers = body.get("columnHeaderNames") or {}

        def rows() -> list[list[Any]]:
            found = []
            for lead in self.instance.leads.by_id.values():
                stamp = lead.created_ms if name == "createdAt" else lead.updated_ms
                if start <= stamp // 1000 * 1000 <= end:
                    found.append([lead.value(each) for each in names])
            return found

        return self.exports.create("leads", form, [headers.get(each, each) for each in names], rows)

    def _activities(self, form: str, body: dict[str, Any]) -> Job:
        asked = body.get("filter") or {}
        if "createdAt" not in asked:
            raise MarketoFault("1003", "Filter createdAt is required")
        start, end = _range(asked["createdAt"])
        types = {int(each) for each in asked.get("activityTypeIds") or ()}
        if kinds.DELETED in types:
            raise MarketoFault("1003", "Activity type 37 is not supported for export")

        def rows() -> list[list[Any]]:
            return [
                [each.guid, each.lead_id, second(each.at_ms), each.type_id, None, each.primary[0], each.primary[1],
                 json.dumps(each.attributes)]
                for each in self.instance.activities.listed
                if start <= each.at_ms // 1000 * 1000 <= end and each.type_id != kinds.DELETED
                and (not types or each.type_id in types)
            ]  # fmt: skip

        return self.exports.create("activities", form, ACTIVITY_COLUMNS, rows)

    def _job(self, request: Request) -> Job:
        return self.exports.find(request.path_params["kind"], request.path_params["job"])

    async def enqueue(self, request: Request) -> Response:
        job = self._job(request)
        self.exports.enqueue(job)
        return answer([job.told()])

    async def status(self, request: Request) -> Response:
        job = self._job(request)
        self.exports.polled(job, self.instance.settings.polls)
        return answer([job.told()])

    async def cancel(self, request: Request) -> Response:
        job = self._job(request)
        self.exports.cancel(job)
        return answer([{**job.told(), "status": "Cancelled"}])  # so it is spelled here alone

    async def file(self, request: Request) -> Response:
        job = self._job(request)
        if job.status != "Completed":
            return PlainTextResponse("Not Found", status_code=404)
        asked = request.headers.get("range", "")
        if not asked.startswith("bytes="):
            return Response(job.content, media_type="text/csv")
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = job.content[int(first or 0) : int(last) + 1 if last else None]
        headers = {"Content-Range": f"bytes {first or 0}-{int(first or 0) + len(part) - 1}/{len(job.content)}"}
        return Response(part, status_code=206, headers=headers, media_type="text/csv")

    async def listed(self, request: Request) -> Response:
        wanted = [each for each in request.query_params.get("status", "").split(",") if each]
        kind = request.path_params["kind"]
        found = [each for each in self.exports.jobs.values() if each.kind == kind]
        return answer([each.told() for each in found if not wanted or each.status in wanted])


def _range(told: Any) -> tuple[int, int]:
    """Both ends belong to it. Raises 1003 for milliseconds, and for more than 31 days."""
    try:
        texts = [str(told[name]) for name in ("startAt", "endAt")]
        if any("." in text for text in texts):
            raise ValueError(texts)
        start, end = (parse_ms(text) for text in texts)
    except (KeyError, TypeError, ValueError):
        raise MarketoFault("1003", "Invalid date range") from None
    if end < start or end - start > LONGEST_RANGE_MS:
        raise MarketoFault("1003", "Date range of more than 31 days")
    return start, end


def routes(instance: Instance) -> list[Route]:
    calls = _Calls(instance)
    base = "/bulk/v1/{kind}/export"
    return [
        Route(f"{base}.json", calls.listed, methods=["GET"]),
        Route(f"{base}/create.json", calls.create, methods=["POST"]),
        Route(f"{base}/{{job}}/enqueue.json", calls.enqueue, methods=["POST"]),
        Route(f"{base}/{{job}}/status.json", calls.status, methods=["GET"]),
        Route(f"{base}/{{job}}/cancel.json", calls.cancel, methods=["POST"]),
        Route(f"{base}/{{job}}/file.json", calls.file, methods=["GET"]),
    ]
