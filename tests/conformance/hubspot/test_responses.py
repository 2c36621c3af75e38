"""Who answered, as HubSpot tells it: e-mail events and form submissions of people who are contacts."""

from __future__ import annotations

from datetime import datetime, timedelta

from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.hubspot.hubspot_world import HubSpotWorld

FORM = "5f3c1b9e-0a41-4c58-9d53-1f0b8a6e7c01"
LONG_AGO = timedelta(days=4000)  # before anything that the account was filled with


def opened(world: HubSpotWorld, email: str, kind: str, at: datetime) -> None:
    world.control("POST", "events", {"type": kind, "recipient": email, "campaign": 88, "at": at.isoformat()})


def submitted(world: HubSpotWorld, email: str, at: datetime) -> None:
    world.control("POST", "submissions", {"form": FORM, "values": {"email": email}, "at": at.isoformat()})


def test_events_and_submissions_of_contacts_come_in_order_each_once(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    start = hubspot.now() - LONG_AGO
    [contact] = world.people({"email": "answers@responses.example"})
    submitted(world, "Answers@responses.example", start + timedelta(minutes=3))
    opened(world, "answers@responses.example", "CLICK", start + timedelta(minutes=2))
    opened(world, "answers@responses.example", "OPEN", start)
    opened(world, "answers@responses.example", "BOUNCE", start + timedelta(minutes=1))
    opened(world, "nobody@responses.example", "OPEN", start + timedelta(minutes=1))
    for outside in (start - timedelta(seconds=1), start + timedelta(hours=1)):
        opened(world, "answers@responses.example", "OPEN", outside)
        submitted(world, "answers@responses.example", outside)

    told = list(hubspot.responses(Window(start, start + timedelta(hours=1), WindowKind.INCREMENTAL)))

    assert [(r.person_id, r.campaign_key, r.status, r.at - start) for r in told] == [
        (contact, "88", "OPEN", timedelta(0)),
        (contact, "88", "CLICK", timedelta(minutes=2)),
        (contact, FORM, "SUBMITTED", timedelta(minutes=3)),
    ]


def test_pages_of_events_and_submissions_are_all_read(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    start = hubspot.now() - 2 * LONG_AGO
    world.people({"email": "often@responses.example"})
    for number in range(60):
        submitted(world, "often@responses.example", start + timedelta(seconds=number))

    told = list(hubspot.responses(Window(start, start + timedelta(hours=1), WindowKind.INCREMENTAL)))

    assert len(told) == 60
