"""Calls on leads: describe, get, sync, delete, merge."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.marketo.errors import MarketoFault, Reason, answer
from sandbox.marketo.faults import RowFault
from sandbox.marketo.instance import Instance
from sandbox.marketo.leads import Lead
from sandbox.marketo.requests import number, read_object, read_question

MOST, MOST_MATCHES, MOST_LOSERS = 300, 1_000, 25
DEFAULT_FIELDS = ("id", "email", "updatedAt", "createdAt", "firstName", "lastName")
ACTIONS = ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")


class _Calls:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.leads = instance.leads

    async def describe(self, _request: Request) -> Response:
        fields = self.instance.fields.values()
        told = {
            "name": "API Lead",
            "description": "API Lead Map",
            "dedupeFields": [each.name for each in fields if each.lookup],
            "searchableFields": [[each.name] for each in fields if each.search],
            "fields": [each.described() for each in fields],
        }
        return answer([told])

    async def fields(self, _request: Request) -> Response:
        listed = [
            {**each.described(), "isHidden": False, "isHtmlEncodingInEmail": True, "isSensitive": False}
            for each in self.instance.fields.values()
        ]
        return answer(listed)

    async def get(self, request: Request) -> Response:
        asked = await read_question(request)
        name = asked.get("filterType", [""])[0]
        known = self.instance.fields.get(name)
        if known is None or not known.search:
            raise MarketoFault("1003", f"Invalid filterType '{name}'")
        given = ",".join(asked.get("filterValues", []))
        is_whole = request.method == "POST" and bool(self.leads.holding(name, [given]))
        values = [given] if is_whole else [each for each in given.split(",") if each]
        if not 1 <= len(values) <= MOST:
            raise MarketoFault("1003", f"filterValues: between 1 and {MOST} are allowed")
        names = self._fields(asked)
        found = self.leads.holding(name, values)
        if len(found) > MOST_MATCHES:
            raise MarketoFault("1003", "Too many results match the filter")
        size = number(asked, "batchSize", MOST, most=MOST)
        start = int(asked.get("nextPageToken", ["0"])[0] or 0)
        page = [_told(each, names) for each in found[start : start + size]]
        onward = {"nextPageToken": str(start + size)} if start + size < len(found) else {}
        return answer(page, **onward)

    async def one(self, request: Request) -> Response:
        lead = self.leads.by_id.get(int(request.path_params["lead"]))
        names = self._fields(await read_question(request))
        return answer([_told(lead, names)] if lead else [])

    def _fields(self, asked: dict[str, list[str]]) -> list[str]:
        given = [name for each in asked.get("fields", []) for name in each.split(",") if name]
        for name in given:
            if name not in self.instance.fields:
                raise MarketoFault("1006", f"Field '{name}' not found")
        return list(dict.fromkeys(["id", *(given or DEFAULT_FIELDS)]))

    async def sync(self, request: Request) -> Response:
        body = await read_object(request)
        action, lookup = body.get("action") or "createOrUpdate", body.get("lookupField") or "email"
        given = body.get("input")
        if action not in ACTIONS:
            raise MarketoFault("1001", f"Invalid value '{action}' for action")
        if not isinstance(given, list) or not given:
            raise MarketoFault("1002", "Missing value for required parameter 'input'")
        if len(given) > MOST:
            raise MarketoFault("1003", f"Too many records in input: at most {MOST}")
        if lookup == "id" and action != "updateOnly":
            raise MarketoFault("1003", "lookupField 'id' is allowed with action 'updateOnly' only")
        if lookup != "id" and not (lookup in self.instance.fields and self.instance.fields[lookup].lookup):
            raise MarketoFault("1011", f"Field '{lookup}' is not supported for lookup")
        keys = [str(each.get(lookup) or "").strip().lower() for each in given]
        results = []
        for index, each in enumerate(given):
            twice = bool(keys[index]) and keys.index(keys[index]) != index
            results.append(await self._synced(each, action, lookup, twice=twice))
        return answer(results)

    async def _synced(self, given: Any, action: str, lookup: str, *, twice: bool) -> dict[str, Any]:
        try:
            if not isinstance(given, dict):
                raise Reason("1003", "Invalid record")
            self._spoil(given)
            if twice:
                raise Reason("1036", "Duplicate object found in input")
            key = given.get(lookup)
            if key in (None, "") and action != "createDuplicate":
                raise Reason("1003", f"Value for lookup field '{lookup}' is missing")
            found = [] if action == "createDuplicate" else self.leads.holding(lookup, [str(key)])
            if len(found) > 1:
                raise Reason("1007", "Multiple leads match lookup criteria")
            if self.instance.settings.upsert_gap_s:
                await asyncio.sleep(self.instance.settings.upsert_gap_s)
            return self._written(given, action, found)
        except Reason as reason:
            return reason.as_result()

    def _written(self, given: dict[str, Any], action: str, found: list[Lead]) -> dict[str, Any]:
        if found and action == "createOnly":
            raise Reason("1005", "Lead already exists")
        if not found and action == "updateOnly":
            raise Reason("1004", "Lead not found")
        source = "Web service API"
        if found:
            lead = found[0]
            values = {name: value for name, value in given.items() if name != "id"}
            self.leads.update(self.leads.by_id.get(lead.id, lead), values, source=source)
            return {"id": lead.id, "status": "updated"}
        return {"id": self.leads.create(given, source=source).id, "status": "created"}

    def _spoil(self, given: dict[str, Any]) -> None:
        fault = self.instance.faults.take(RowFault, lambda each: str(given.get(each.field)) == each.matches)
        if fault is not None:
            raise Reason(fault.code, fault.message)

    async def delete(self, request: Request) -> Response:
        if self.instance.settings.crm_sync:
            raise MarketoFault("1018")
        asked = await read_question(request) if not await request.body() else {}
        ids = [int(each) for each in ",".join(asked.get("id", [])).split(",") if each]
        if not ids:
            ids = [int(each["id"]) for each in (await read_object(request)).get("input") or []]
        if not 1 <= len(ids) <= MOST:
            raise MarketoFault("1003", f"Between 1 and {MOST} leads are allowed")
        return answer([self._deleted(each) for each in ids])

    def _deleted(self, lead_id: int) -> dict[str, Any]:
        if (lead := self.leads.by_id.get(lead_id)) is None:
            return Reason("1004", "Lead not found").as_result(id=lead_id)
        self.leads.delete(lead)
        return {"id": lead_id, "status": "deleted"}

    async def merge(self, request: Request) -> Response:
        asked = request.query_params
        text = asked.get("leadIds") or asked.get("leadId") or ""
        ids = [int(each) for each in text.split(",") if each.isdigit()]
        if len(ids) > MOST_LOSERS:
            raise MarketoFault("1080", f"Can't merge more than {MOST_LOSERS} leads")
        winner_id = int(request.path_params["winner"])
        if not ids or winner_id in ids:
            raise MarketoFault("1003", "leadIds: name the losers")
        for each in (winner_id, *ids):
            if each not in self.leads.by_id:
                raise MarketoFault("1004", f"Lead '{each}' not found")
        self.leads.merge(self.leads.by_id[winner_id], [self.leads.by_id[each] for each in ids])
        return answer([])


def _told(lead: Lead, names: list[str]) -> dict[str, Any]:
    return {name: lead.value(name) for name in names}


def routes(instance: Instance) -> list[Route]:
    calls = _Calls(instance)

    async def leads(request: Request) -> Response:
        reads = request.method == "GET" or request.query_params.get("_method") == "GET"
        return await (calls.get(request) if reads else calls.sync(request))

    return [
        Route("/rest/v1/leads.json", leads, methods=["GET", "POST"]),
        Route("/rest/v1/leads.json", calls.delete, methods=["DELETE"]),
        Route("/rest/v1/leads/describe2.json", calls.describe, methods=["GET"]),
        Route("/rest/v1/leads/schema/fields.json", calls.fields, methods=["GET"]),
        Route("/rest/v1/leads/delete.json", calls.delete, methods=["POST"]),
        Route("/rest/v1/leads/{winner:int}/merge.json", calls.merge, methods=["POST"]),
        Route("/rest/v1/lead/{lead:int}.json", calls.one, methods=["GET"]),
    ]
