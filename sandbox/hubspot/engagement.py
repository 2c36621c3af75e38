"""What people did: e-mail events and form submissions, in the old shapes that still serve."""

import uuid
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.hubspot.errors import malformed, not_found
from sandbox.keeping import Keeper

if TYPE_CHECKING:
    from sandbox.hubspot.account import Account

EVENT_TYPES = frozenset(
    {"SENT", "DELIVERED", "OPEN", "CLICK", "BOUNCE", "DROPPED", "DEFERRED", "STATUSCHANGE", "SPAMREPORT", "UNBOUNCE"}
)
MOST_EVENTS, MOST_SUBMISSIONS = 1_000, 50
FORMS = {
    "5f3c1b9e-0a41-4c58-9d53-1f0b8a6e7c01": "Webinar registration",
    "5f3c1b9e-0a41-4c58-9d53-1f0b8a6e7c02": "Contact us",
}


class Engagement:
    """Events and submissions, oldest first."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.events: list[dict[str, Any]] = [body for _, body in keeper.all("email events")]
        self.submissions: dict[str, list[dict[str, Any]]] = {form: [] for form in FORMS}
        for _, body in keeper.all("submissions"):
            self.submissions[body["form"]].append(body["submission"])
        self.in_order()

    def in_order(self) -> None:
        """Put events and submissions that were loaded or added in order of time."""
        self.events.sort(key=lambda event: int(event["created"]))
        for listed in self.submissions.values():
            listed.sort(key=lambda each: int(each["submittedAt"]))

    def happened(self, event: dict[str, Any]) -> None:
        """An e-mail event, with `id`, `created` (ms), `type`, `recipient`, `emailCampaignId`. Not yet in order."""
        self.events.append(event)
        self._keeper.put("email events", f"{event['created']}|{event['id']}", event)

    def submitted(self, form: str, values: dict[str, str], at_ms: int) -> dict[str, Any]:
        """A form was filled in."""
        listed = [{"name": name, "value": value, "objectTypeId": "0-1"} for name, value in values.items()]
        submission = {"conversionId": str(uuid.uuid4()), "submittedAt": at_ms, "values": listed, "pageUrl": ""}
        self.submissions[form].append(submission)
        self._keeper.put("submissions", str(submission["conversionId"]), {"form": form, "submission": submission})
        return submission


def routes(account: "Account") -> list[Route]:
    """E-mail events by time, form definitions, submissions newest first."""
    held = account.engagement

    async def events(request: Request) -> Response:
        asked = request.query_params
        limit, offset = int(asked.get("limit", 10)), int(asked.get("offset") or 0)
        if not 1 <= limit <= MOST_EVENTS:
            raise malformed(f"limit must be between 1 and {MOST_EVENTS}")
        since, until = int(asked.get("startTimestamp", 0)), int(asked.get("endTimestamp", 2**62))
        found = [
            each
            for each in held.events
            if since <= int(each["created"]) < until
            and asked.get("eventType", each["type"]) == each["type"]
            and asked.get("recipient", each["recipient"]) == each["recipient"]
        ]
        more = len(found) > offset + limit
        page = found[offset : offset + limit]
        return JSONResponse({"hasMore": more, "offset": str(offset + len(page)), "events": page})

    async def forms(_request: Request) -> Response:
        listed = [{"id": form, "name": name, "formType": "hubspot", "archived": False} for form, name in FORMS.items()]
        return JSONResponse({"results": listed})

    async def submissions(request: Request) -> Response:
        form, asked = request.path_params["form"], request.query_params
        if form not in held.submissions:
            raise not_found(f"form {form} not found")
        limit, start = int(asked.get("limit", 20)), int(asked.get("after") or 0)
        if not 1 <= limit <= MOST_SUBMISSIONS:
            raise malformed(f"limit must be between 1 and {MOST_SUBMISSIONS}")
        newest = held.submissions[form][::-1]
        body: dict[str, Any] = {"results": newest[start : start + limit]}
        if len(newest) > start + limit:
            body["paging"] = {"next": {"after": str(start + limit)}}
        return JSONResponse(body)

    return [
        Route("/email/public/v1/events", events, methods=["GET"]),
        Route("/marketing/v3/forms", forms, methods=["GET"]),
        Route("/form-integrations/v1/submissions/forms/{form}", submissions, methods=["GET"]),
    ]
