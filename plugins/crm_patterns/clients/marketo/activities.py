"""What happened to leads, in order of time, by Marketo's paging tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.api import MarketoApi
from crm_patterns.clients.marketo.wire import Happened

FORM, BOUNCED, UNSUBSCRIBED, NEW, CHANGED, SCORED, MERGED, DELETED, PROGRESSED = 2, 8, 9, 12, 13, 22, 32, 37, 104
MOST_TYPES, PAGE = 10, 300


class ActivityLog:
    """Reads activities. They are written minutes after they happened: let windows end some minutes ago."""

    def __init__(self, api: MarketoApi) -> None:
        self._api = api

    def token(self, since: datetime) -> str:
        """Where activities of this second begin."""
        params = {"sinceDatetime": wire.write_moment(since)}
        return str(self._api.get("/rest/v1/activities/pagingtoken.json", "a paging token", params)["nextPageToken"])

    def pages(self, types: Sequence[int], since: datetime, until: datetime) -> Iterator[list[Happened]]:
        """Those of `[since, until)`, oldest first; one may come twice, and is known by its `guid`."""
        token: str | None = self.token(since)
        while token is not None:
            found, token = self.page(types, token)
            if inside := [each for each in found if since <= each.at < until]:
                yield inside
            if found and min(each.at for each in found) >= until:
                return

    def page(self, types: Sequence[int], token: str) -> tuple[list[Happened], str | None]:
        """One page, and the token of the next; None after the last. A page may be short, or empty, before that."""
        params = {
            "activityTypeIds": ",".join(map(str, types)),
            "nextPageToken": token,
            "batchSize": str(PAGE),
        }
        answer = self._api.get("/rest/v1/activities.json", "activities", params)
        found = [wire.read_activity(raw) for raw in answer.get("result") or ()]
        onward = str(answer["nextPageToken"]) if answer.get("moreResult") else None
        return found, onward
