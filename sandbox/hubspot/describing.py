"""`/crm/v3/properties/{type}`, owners, and what there is to know about the account."""

from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import iso
from sandbox.hubspot.account import Account
from sandbox.hubspot.errors import HubSpotFault, not_found
from sandbox.hubspot.requests import read_object
from sandbox.hubspot.schema import Property, changed_property, new_property
from sandbox.hubspot.wire import inputs_of

PATH = "/crm/v3/properties/{object}"
OWNERS = (("61000001", "ada.wong"), ("61000002", "kofi.mensah"), ("61000003", "lena.fischer"), ("61000004", "joao.silva"))  # noqa: E501 # fmt: skip


def routes(account: Account) -> list[Route]:
    """Properties, owners, account information."""
    calls = _Describing(account)
    return [
        Route(f"{PATH}/batch/create", calls.create_many, methods=["POST"]),
        Route(f"{PATH}/batch/read", calls.read_many, methods=["POST"]),
        Route(PATH, calls.listed, methods=["GET"]),
        Route(PATH, calls.create, methods=["POST"]),
        Route(f"{PATH}/{{name}}", calls.get, methods=["GET"]),
        Route(f"{PATH}/{{name}}", calls.update, methods=["PATCH"]),
        Route(f"{PATH}/{{name}}", calls.archive, methods=["DELETE"]),
        Route("/crm/v3/owners", calls.owners, methods=["GET"]),
        Route("/account-info/v3/details", calls.details, methods=["GET"]),
        Route("/account-info/v3/api-usage/daily/private-apps", calls.usage, methods=["GET"]),
    ]


class _Describing:
    def __init__(self, account: Account) -> None:
        self.account = account

    async def listed(self, request: Request) -> Response:
        archived = request.query_params.get("archived", "false") == "true"
        known = self.account.of(request.path_params["object"]).properties.values()
        return JSONResponse({"results": [each.as_json() for each in known if each.archived == archived]})

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._known(request, request.path_params["name"]).as_json())

    async def create(self, request: Request) -> Response:
        return JSONResponse(self._create(request, await read_object(request)).as_json(), status_code=201)

    async def create_many(self, request: Request) -> Response:
        inputs = inputs_of(await read_object(request), most=100)
        return JSONResponse(self._many([self._create(request, each) for each in inputs]), status_code=201)

    async def read_many(self, request: Request) -> Response:
        inputs = inputs_of(await read_object(request), most=100)
        return JSONResponse(self._many([self._known(request, str(each["name"])) for each in inputs]))

    async def update(self, request: Request) -> Response:
        records = self.account.of(request.path_params["object"])
        changed = changed_property(self._known(request, request.path_params["name"]), await read_object(request))
        self.account.put_property(records, changed)
        return JSONResponse(changed.as_json())

    async def archive(self, request: Request) -> Response:
        records = self.account.of(request.path_params["object"])
        known = self._known(request, request.path_params["name"])
        if not known.custom:
            raise HubSpotFault(400, "VALIDATION_ERROR", f"Property {known.name} cannot be archived.")
        self.account.put_property(records, replace(known, archived=True))
        return Response(status_code=204)

    async def owners(self, _request: Request) -> Response:
        listed = [
            {"id": owner_id, "email": f"{name}@example.com", "firstName": name.split(".")[0].title(), "lastName":
             name.split(".")[1].title(), "userId": int(owner_id) - 60_000_000, "archived": False}
            for owner_id, name in OWNERS
        ]  # fmt: skip
        return JSONResponse({"results": listed})

    async def details(self, _request: Request) -> Response:
        known, zone = self.account.credentials, self.account.limits.settings.time_zone
        return JSONResponse({
            "portalId": known.portal_id, "accountType": "STANDARD", "timeZone": zone, "companyCurrency": "USD",
            "additionalCurrencies": [], "utcOffset": "-05:00", "utcOffsetMilliseconds": -18_000_000,
            "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
        })  # fmt: skip

    async def usage(self, _request: Request) -> Response:
        limits = self.account.limits
        return JSONResponse({"results": [{
            "name": "private-apps-api-calls-daily", "usageLimit": limits.settings.daily,
            "currentUsage": limits.used_today, "collectedAt": iso(self.account.clock.now_ms()),
            "fetchStatus": "SUCCESS", "resetsAt": limits.resets_at(),
        }]})  # fmt: skip

    def _known(self, request: Request, name: str) -> Property:
        found = self.account.of(request.path_params["object"]).properties.get(name)
        if found is None:
            raise not_found(f"property {name} not found")
        return found

    def _create(self, request: Request, asked: dict[str, Any]) -> Property:
        records = self.account.of(request.path_params["object"])
        made = new_property(asked, records.properties)
        self.account.put_property(records, made)
        return made

    def _many(self, found: list[Property]) -> dict[str, Any]:
        now = iso(self.account.clock.now_ms())
        return {"status": "COMPLETE", "results": [e.as_json() for e in found], "startedAt": now, "completedAt": now}
