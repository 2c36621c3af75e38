"""Calls on activities, and what the instance says of its own use."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import parse_ms
from sandbox.marketo import activities as kinds
from sandbox.marketo.activities import TYPES, Activity, token_of
from sandbox.marketo.errors import MarketoFault, answer, envelope
from sandbox.marketo.instance import Instance
from sandbox.marketo.requests import number, read_question

MOST, MOST_TYPES, MOST_LEADS = 300, 10, 30


class _Calls:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    async def paging_token(self, request: Request) -> Response:
        text = request.query_params.get("sinceDatetime", "")
        try:
            return answer(None, nextPageToken=token_of(parse_ms(text)))
        except ValueError:
            raise MarketoFault("1003", f"Invalid sinceDatetime '{text}'") from None

    async def types(self, _request: Request) -> Response:
        listed = [
            {"id": number, "name": name, "description": name,
             "primaryAttribute": {"name": primary, "dataType": "string"},
             "attributes": [{"name": each, "dataType": "string"} for each in attributes]}
            for number, (name, primary, attributes) in TYPES.items()
        ]  # fmt: skip
        return answer(listed)

    async def activities(self, request: Request) -> Response:
        asked = await read_question(request)
        types = _numbers(asked, "activityTypeIds")
        leads = _numbers(asked, "leadIds")
        if not types:
            raise MarketoFault("1002", "Missing value for required parameter 'activityTypeIds'")
        if len(types) > MOST_TYPES or len(leads) > MOST_LEADS:
            raise MarketoFault("1003", f"At most {MOST_TYPES} activity types and {MOST_LEADS} leads")
        return self._page(asked, types, leads or None)

    async def deleted(self, request: Request) -> Response:
        return self._page(await read_question(request), {kinds.DELETED}, None)

    async def changes(self, request: Request) -> Response:
        asked = await read_question(request)
        labels = {}
        for name in ",".join(asked.get("fields", [])).split(","):
            if name not in self.instance.fields:
                raise MarketoFault("1006", f"Field '{name}' not found")
            labels[self.instance.fields[name].label] = name

        def told(each: Activity) -> dict[str, Any] | None:
            if each.type_id == kinds.NEW:
                return {**each.told(), "fields": []}
            if (name := labels.get(each.primary[1])) is None:
                return None
            old, new = each.attributes.get("Old Value"), each.attributes.get("New Value")
            return {**each.told(), "fields": [{"id": 0, "name": name, "oldValue": old, "newValue": new}]}

        return self._page(asked, {kinds.NEW, kinds.CHANGED, kinds.SCORED}, None, told)

    def _page(self, asked: dict[str, list[str]], types: set[int], leads: set[int] | None, told: Any = None) -> Response:
        token = asked.get("nextPageToken", [""])[0]
        if not token:
            raise MarketoFault("1002", "Missing value for required parameter 'nextPageToken'")
        size = number(asked, "batchSize", MOST, most=MOST)
        lag_s = self.instance.settings.activity_lag_s
        found, onward, more = self.instance.activities.page(token, types=types, leads=leads, size=size, lag_s=lag_s)
        listed = [body for each in found if (body := told(each) if told else each.told()) is not None]
        # Without a result Marketo leaves the key out.
        return answer(listed, nextPageToken=onward, moreResult=more) if listed else _empty(onward, more)

    async def usage(self, _request: Request) -> Response:
        limits = self.instance.limits
        used = limits.used_today
        told = {"date": limits.today().isoformat(), "total": used,
                "users": [{"userId": self.instance.credentials.api_user, "count": used}]}  # fmt: skip
        return answer([told])

    async def errors(self, _request: Request) -> Response:
        counted = self.instance.limits.errors_today
        listed = [{"errorCode": code, "count": count} for code, count in counted.items()]
        told = {"date": self.instance.limits.today().isoformat(), "total": sum(counted.values()), "errors": listed}
        return answer([told])


def _empty(onward: str, more: bool) -> Response:
    return JSONResponse(envelope(True, nextPageToken=onward, moreResult=more))


def _numbers(asked: dict[str, list[str]], name: str) -> set[int]:
    texts = [each.strip() for each in ",".join(asked.get(name, [])).split(",") if each.strip()]
    if not all(each.isdigit() for each in texts):
        raise MarketoFault("1003", f"{name}: numbers are expected")
    return {int(each) for each in texts}


def routes(instance: Instance) -> list[Route]:
    calls = _Calls(instance)
    return [
        Route("/rest/v1/activities/pagingtoken.json", calls.paging_token, methods=["GET"]),
        Route("/rest/v1/activities/types.json", calls.types, methods=["GET"]),
        Route("/rest/v1/activities/deletedleads.json", calls.deleted, methods=["GET"]),
        Route("/rest/v1/activities/leadchanges.json", calls.changes, methods=["GET"]),
        Route("/rest/v1/activities.json", calls.activities, methods=["GET"]),
        Route("/rest/v1/stats/usage.json", calls.usage, methods=["GET"]),
        Route("/rest/v1/stats/errors.json", calls.errors, methods=["GET"]),
    ]
