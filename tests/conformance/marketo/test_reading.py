"""What the Marketo client reads is complete, whichever way it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crm_patterns.clients.marketo.client import MarketoClient
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import BulkSpent, FixSettings
from crm_patterns.core.ports import CampaignResponse
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.marketo.marketo_world import MarketoWorld
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def instance() -> Iterator[MarketoWorld]:
    """Of its own: other tests make leads of long ago whose ids are high, which Marketo's never are."""
    with SandboxProcess("marketo", size=40) as process:
        yield MarketoWorld(process)


def window(start: datetime | None, end: datetime) -> Window:
    return Window(start, end, WindowKind.INCREMENTAL)


def read(client: MarketoClient, asked: Window, *fields: str) -> list[TargetRecord]:
    return [record for page in client.read_window("leads", fields, asked) for record in page]


def test_a_first_load_goes_by_extracts_and_misses_nobody(world: MarketoWorld, marketo: MarketoClient) -> None:
    ids = world.people(
        *({"email": f"load{n}@extract.example", "notes": 'a "b",\nc' if n % 2 else None} for n in range(300))
    )
    world.control("POST", "delete", {"ids": [int(ids[0])]})
    held = {str(each["id"]): each for each in world.control("GET", "leads")["leads"]}

    found = read(marketo, window(None, world.now() + timedelta(minutes=1)), "email", "notes", "unsubscribed")

    living = {each.record_id: each for each in found if not each.is_deleted and not each.merged_into}
    assert living.keys() == held.keys()
    assert {each.record_id for each in found if each.is_deleted} >= {ids[0]}
    for record_id, record in living.items():
        assert record.values.get("email") == held[record_id]["values"].get("email")
        assert record.values.get("notes") == held[record_id]["values"].get("notes")
        assert record.values["unsubscribed"] is held[record_id]["values"].get("unsubscribed", False)
    assert len(world.calls("create.json")) == len(world.calls("/file.json")) >= 12


def test_a_window_of_long_ago_is_read_although_its_activities_are_pruned(world: MarketoWorld) -> None:
    at = (world.now() - timedelta(days=120)).replace(microsecond=0)
    edited, early = world.people({"email": "old@pruned.example"}, {"email": "x@pruned.example"}, at=at - timedelta(9))
    world.control("POST", "edit", {"id": int(edited), "values": {"city": "Rome"}, "at": at.isoformat()})
    client = world.client(first_lead_on=(at - timedelta(days=20)).date())

    found = read(client, window(at, at + timedelta(days=1)), "city")
    client.close()

    told = {each.record_id: each.values for each in found}
    assert told[edited] == {"city": "Rome"}
    assert early not in told


def test_a_damaged_file_is_asked_for_again(world: MarketoWorld) -> None:
    client = world.client(first_lead_on=world.now().date() - timedelta(days=20))
    world.people({"email": "whole@extract.example"})
    world.fault(kind="status", status=200, path="/file.json", body="id,updatedAt,email\n1,null,x@y.example\n")

    found = read(client, window(None, world.now() + timedelta(minutes=1)), "email")
    client.close()

    assert "whole@extract.example" in [each.values.get("email") for each in found]
    assert "x@y.example" not in [each.values.get("email") for each in found]
    assert len(world.calls("/file.json")) == 2


def test_spent_extracts_end_a_first_load_and_say_until_when(world: MarketoWorld) -> None:
    client = world.client(first_lead_on=world.now().date() - timedelta(days=20))
    world.control("POST", "limits", {"extract_bytes": 0})

    with pytest.raises(BulkSpent) as told:
        read(client, window(None, world.now()), "email")
    client.close()

    assert told.value.until is not None
    assert told.value.until > world.now()


def test_short_and_empty_pages_are_not_the_end(world: MarketoWorld, marketo: MarketoClient) -> None:
    start = (world.now() - timedelta(days=20)).replace(microsecond=0)
    [first] = world.people({"email": "first@pages.example"}, at=start)
    visits = {"type_id": 1, "lead_id": int(first), "primary": "page", "at": (start + timedelta(hours=1)).isoformat()}
    world.control("POST", "activities", {**visits, "count": 700})  # two pages of what is not asked for
    [last] = world.people({"email": "last@pages.example"}, at=start + timedelta(days=1))
    world.forget_calls()

    found = read(marketo, window(start, start + timedelta(days=2)), "email")

    assert [each.record_id for each in found if each.record_id in (first, last)] == [first, last]
    assert len(world.calls("/activities.json")) >= 3


def test_a_window_tells_edits_merges_and_deletes_once(world: MarketoWorld, marketo: MarketoClient) -> None:
    edited, scored, winner, loser, gone = world.people(
        *({"email": f"w{n}@window.example"} for n in range(5)), at=datetime(2023, 1, 1, tzinfo=UTC)
    )
    start = world.now() - timedelta(seconds=1)
    for city in ("Oslo", "Bergen"):
        world.control("POST", "edit", {"id": int(edited), "values": {"city": city}})
    world.control("POST", "edit", {"id": int(scored), "values": {"leadScore": 77}})
    world.control("POST", "merge", {"winner": int(winner), "losers": [int(loser)]})
    world.control("POST", "delete", {"ids": [int(gone)]})

    found = read(marketo, window(start, world.now() + timedelta(seconds=1)), "city", "leadScore")

    ours = [each for each in found if each.record_id in (edited, scored, winner, loser, gone)]
    told = {each.record_id: each for each in ours}
    assert len(ours) == len(told) == 5
    assert told[edited].values == {"city": "Bergen"}
    assert told[scored].values == {"leadScore": 77}
    assert (told[loser].merged_into, told[gone].is_deleted) == (winner, True)


def test_a_chain_of_merges_leads_to_who_is_left(world: MarketoWorld, marketo: MarketoClient) -> None:
    first, second, third = world.people(*({"email": f"c{n}@chain.example"} for n in range(3)))
    world.control("POST", "merge", {"winner": int(second), "losers": [int(first)]})
    world.control("POST", "merge", {"winner": int(third), "losers": [int(second)]})

    found = marketo.read_records("leads", ["email"], [first, second])

    assert {each.merged_into for each in found.values()} == {third}
    assert found[first].values == {"email": "c2@chain.example"}


def test_leads_of_one_address_are_all_found(world: MarketoWorld, marketo: MarketoClient) -> None:
    ids = world.people({"email": "twice@find.example"}, {"email": "Twice@find.example"})

    found = marketo.find("leads", "email", ["TWICE@find.example"], fields=["email"])

    assert [each.record_id for each in found["TWICE@find.example"]] == ids


def test_values_with_commas_and_many_long_ones_are_found(world: MarketoWorld, marketo: MarketoClient) -> None:
    many = [f"{n:03d}{'x' * 60}" for n in range(300)]
    ids = world.people({"syncNote": "Smith, Jones"}, {"syncNote": many[0]}, {"syncNote": many[-1]})

    found = marketo.find("leads", "syncNote", ["Smith, Jones", *many], fields=[])

    assert {value: [each.record_id for each in held] for value, held in found.items()} == {
        "Smith, Jones": [ids[0]],
        many[0]: [ids[1]],
        many[-1]: [ids[2]],
    }


def test_more_than_a_thousand_holders_are_found_by_halves(world: MarketoWorld, marketo: MarketoClient) -> None:
    world.people(*({"syncNote": f"crowd {n % 2}"} for n in range(1_200)))

    found = marketo.find("leads", "syncNote", ["crowd 0", "crowd 1"], fields=[])

    assert [len(found[f"crowd {n}"]) for n in range(2)] == [600, 600]


def test_a_field_that_cannot_be_asked_by_is_a_setting_to_fix(world: MarketoWorld, marketo: MarketoClient) -> None:
    with pytest.raises(FixSettings, match="sfRecordId18"):
        marketo.find("leads", "city", ["Oslo"], fields=[])
    assert world.calls("/leads.json") == []


def test_leads_are_described_with_their_types(marketo: MarketoClient) -> None:
    known = marketo.describe_target("leads").by_name

    assert [known[name].kind for name in ("leadscore", "annualrevenue", "unsubscribed", "renewalat")] == [
        FieldKind.INTEGER,
        FieldKind.DECIMAL,
        FieldKind.BOOLEAN,
        FieldKind.TIMESTAMP,
    ]
    assert (known["email"].length, known["email"].unique, known["id"].unique) == (255, True, False)
    assert not known["createdat"].updatable


def test_numbers_keep_their_digits(world: MarketoWorld, marketo: MarketoClient) -> None:
    [one] = world.people({"annualRevenue": 1234567.1})

    found = marketo.read_records("leads", ["annualRevenue"], [one])

    assert found[one].values == {"annualRevenue": Decimal("1234567.1")}


def test_steps_in_programs_and_filled_in_forms_are_responses(world: MarketoWorld, marketo: MarketoClient) -> None:
    [person] = world.people({"email": "guest@webinar.example"})
    start = (world.now() - timedelta(days=300)).replace(microsecond=0)
    told = [("Invited", start - timedelta(seconds=1)), ("Registered", start), ("Attended", start + timedelta(hours=1))]
    for status, at in told:
        body = {"program": 1001, "lead_id": int(person), "status": status, "at": at.isoformat()}
        world.control("POST", "status", body)
    form = {"type_id": 2, "lead_id": int(person), "primary_id": 501, "primary": "Contact us"}
    world.control("POST", "activities", {**form, "at": (start + timedelta(minutes=5)).isoformat()})
    opened = {"type_id": 10, "lead_id": int(person), "primary": "Newsletter", "at": start.isoformat()}
    world.control("POST", "activities", opened)

    found = list(marketo.responses(window(start, start + timedelta(hours=2))))

    assert found == [
        CampaignResponse(person, "Spring Webinar 2026", "Registered", start),
        CampaignResponse(person, "Contact us", "Filled-out Form", start + timedelta(minutes=5)),
        CampaignResponse(person, "Spring Webinar 2026", "Attended", start + timedelta(hours=1)),
    ]
