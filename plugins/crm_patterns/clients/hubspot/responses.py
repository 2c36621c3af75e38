"""
Who answered: e-mail events and form submissions. HubSpot knows no response of a person to a campaign, only these.

Both are older interfaces that still serve. Events are asked for by time; submissions come newest first and without a
filter, so that reading ends at the first that is older than the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crm_patterns.clients.hubspot.api import HubSpotApi
from crm_patterns.core.identity import email_key
from crm_patterns.core.ports import CampaignResponse
from crm_patterns.core.windows import Window

EVENTS = ("SENT", "DELIVERED", "OPEN", "CLICK")
SUBMITTED = "SUBMITTED"
"""The status of whoever filled in a form; HubSpot has no word for it."""

_EVENTS_AT_ONCE, _SUBMISSIONS_AT_ONCE = "1000", "50"
Told = tuple[datetime, str, str, str]
"""When, the mail address, the campaign or form, the status."""


def read_responses(
    api: HubSpotApi, window: Window, *, contacts: Callable[[Sequence[str]], Mapping[str, str]]
) -> list[CampaignResponse]:
    """
    Oldest first, each once; the campaign is an e-mail campaign's id, or a form's. `contacts` gives the contact's id by
    mail address: who is no contact is left out. All of the window's are held in memory.
    """
    told = set(_events(api, window))
    for form in _pages(api, "/marketing/v3/forms", "the list of forms", {"limit": "100"}):
        told.update(_submissions(api, str(form["id"]), window))
    known = contacts(sorted({email for _, email, _, _ in told}))
    return [CampaignResponse(known[email], key, status, at) for at, email, key, status in sorted(told)
            if email in known]  # fmt: skip


def _events(api: HubSpotApi, window: Window) -> Iterator[Told]:
    start = _ms(window.start) if window.start else 0
    for kind in EVENTS:
        params = {"startTimestamp": str(start), "endTimestamp": str(_ms(window.end)), "eventType": kind,
                  "limit": _EVENTS_AT_ONCE}  # fmt: skip
        has_more = True
        while has_more:
            page = api.get("/email/public/v1/events", "the e-mail events", params=params)
            for event in page.get("events") or ():
                email, campaign = email_key(str(event.get("recipient") or "")), event.get("emailCampaignId")
                if email and campaign is not None:
                    yield _moment(event["created"]), email, str(campaign), kind
            has_more = bool(page.get("hasMore"))
            params = {**params, "offset": str(page.get("offset") or "")}


def _submissions(api: HubSpotApi, form: str, window: Window) -> Iterator[Told]:
    path = f"/form-integrations/v1/submissions/forms/{form}"
    for each in _pages(api, path, "the submissions of a form", {"limit": _SUBMISSIONS_AT_ONCE}):
        at = _moment(each["submittedAt"])
        if window.start is not None and at < window.start:
            return
        values = {value["name"]: str(value.get("value") or "") for value in each.get("values") or ()}
        if at < window.end and (email := email_key(values.get("email", ""))):
            yield at, email, form, SUBMITTED


def _pages(api: HubSpotApi, path: str, about: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = api.get(path, about, params={**params, **({"after": after} if after else {})})
        yield from page.get("results") or ()
        after = str(((page.get("paging") or {}).get("next") or {}).get("after") or "")
        if not after:
            return


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(ms: Any) -> datetime:
    return datetime.fromtimestamp(int(ms) / 1000, tz=UTC)
