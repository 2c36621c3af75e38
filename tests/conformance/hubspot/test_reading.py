"""What the HubSpot client reads is complete and as it is now."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.sandbox_process import SandboxProcess


def window(start: datetime | None, end: datetime) -> Window:
    return Window(start, end, WindowKind.INCREMENTAL)


def read(client: HubSpotClient, asked: Window, *fields: str, kind: str = "contacts") -> list[TargetRecord]:
    return [record for page in client.read_window(kind, fields, asked) for record in page]


def test_more_records_of_one_stamp_than_a_search_reaches_are_all_read(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    stamp = datetime(2020, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    ids = world.people(*({"lastname": f"Tied {n}"} for n in range(10_500)), at=stamp)
    last_of_paging = world.http.post("/crm/v3/objects/contacts/search", json={"limit": 200, "after": "9900"})

    found = read(hubspot, window(stamp, stamp + timedelta(milliseconds=1)), "lastname")

    assert last_of_paging.status_code == 400
    assert sorted(record.record_id for record in found) == sorted(ids)
    assert {record.modified_at for record in found} == {stamp}
    world.control("POST", "erase", {"object": "contacts", "ids": ids})


def test_a_window_is_half_open(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    start = datetime(2013, 1, 1, tzinfo=UTC)  # of no other test: the account is shared
    stamps = [start + timedelta(milliseconds=n) for n in (-1, 0, 999, 1000)]
    ids = [world.people({"lastname": "Edge"}, at=stamp)[0] for stamp in stamps]

    found = read(hubspot, window(start, start + timedelta(seconds=1)), "lastname")

    assert [record.record_id for record in found] == ids[1:3]


@pytest.mark.parametrize("kind", ["contacts", "companies"])
def test_both_objects_are_asked_by_their_own_stamp(kind: str, world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    at = datetime(2022, 3, 4, tzinfo=UTC)
    [record_id] = world.records(kind, [{"city": "Genoa"}], at=at)

    [found] = read(hubspot, window(at, at + timedelta(seconds=1)), "city", kind=kind)

    assert found == TargetRecord(record_id, {"city": "Genoa"}, modified_at=at)


def test_without_a_start_everything_is_read_by_the_list(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    held = world.control("GET", "records?object=companies")["records"]

    found = read(hubspot, window(None, world.now() + timedelta(minutes=1)), "name", kind="companies")

    assert sorted(record.record_id for record in found) == sorted(record["id"] for record in held)
    assert not world.calls("/search")


def test_what_search_does_not_know_yet_is_found_by_its_key(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "settings", {"index_lag_s": 60})
    made = world.http.post("/crm/v3/objects/contacts", json={"properties": {"email": "Lag@Example.com"}}).json()["id"]
    lately = window(world.now() - timedelta(minutes=1), world.now() + timedelta(minutes=2))

    by_key = hubspot.find("contacts", "email", ["LAG@example.com"], fields=["email"])
    by_time = read(hubspot, lately, "email")
    world.wait(61)
    later = read(hubspot, lately, "email")

    assert [each.record_id for each in by_key["LAG@example.com"]] == [made]
    assert made not in [record.record_id for record in by_time]
    assert made in [record.record_id for record in later]


def test_a_domain_is_not_unique_and_finds_all_that_have_it(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    ids = world.records("companies", [{"domain": "twice.example", "name": n} for n in ("One", "Two")])

    found = hubspot.find("companies", "domain", ["Twice.example", "nobody.example"], fields=["name"])

    assert {value: [each.record_id for each in held] for value, held in found.items()} == {"Twice.example": ids}


def test_a_merged_record_leads_to_the_one_that_is_left(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    winner, loser = world.people({"email": "stays@merge.example"}, {"email": "goes@merge.example", "city": "Bern"})
    start = world.now() - timedelta(seconds=1)
    world.control("POST", "merge", {"object": "contacts", "winner": winner, "loser": loser})
    world.control("POST", "index")

    by_id = hubspot.read_records("contacts", ["email", "city"], [winner, loser])
    by_email = hubspot.find("contacts", "email", ["goes@merge.example"], fields=["email"])
    changed = read(hubspot, window(start, world.now() + timedelta(seconds=1)), "email")

    assert by_id[winner].values == {"email": "stays@merge.example", "city": "Bern"}
    assert (by_id[loser].record_id, by_id[loser].merged_into) == (loser, winner)
    assert [each.record_id for each in by_email["goes@merge.example"]] == [winner]
    assert {(each.record_id, each.merged_into) for each in changed} >= {(winner, ""), (loser, winner)}


def test_an_archived_record_is_told_and_an_unknown_one_is_not(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [gone] = world.people({"email": "gone@archive.example"})
    start = world.now() - timedelta(seconds=1)
    world.control("POST", "archive", {"object": "contacts", "ids": [gone]})

    by_id = hubspot.read_records("contacts", ["email"], [gone, "999999999"])
    by_email = hubspot.find("contacts", "email", ["gone@archive.example"], fields=["email"])
    changed = read(hubspot, window(start, world.now() + timedelta(seconds=1)), "email")

    assert list(by_id) == [gone]
    assert by_id[gone].is_deleted
    assert by_email == {}
    assert [each.is_deleted for each in changed if each.record_id == gone][-1] is True  # search may still know it


def test_more_ids_than_a_batch_holds_are_read_in_batches(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    ids = world.people(*({"lastname": f"Many {n}"} for n in range(230)))

    found = hubspot.read_records("contacts", ["lastname"], [*ids, ids[0]])

    assert {record_id: record.values["lastname"] for record_id, record in found.items()} == {
        record_id: f"Many {n}" for n, record_id in enumerate(ids)
    }
    assert len(world.calls("batch/read")) == 3


def test_more_properties_than_a_search_or_a_url_holds_are_read_by_id(world: HubSpotWorld) -> None:
    with SandboxProcess("hubspot", size=5) as process:
        wide = HubSpotWorld(process)
        names = [f"a_property_with_a_rather_long_name_of_its_own_{n:03d}" for n in range(150)]
        for start in (0, 100):
            inputs = [{"name": each, "label": each, "type": "string"} for each in names[start : start + 100]]
            wide.http.post("/crm/v3/properties/contacts/batch/create", json={"inputs": inputs}).raise_for_status()
        at = datetime(2023, 1, 1, tzinfo=UTC)
        wide.people({name: name[-3:] for name in names}, at=at)
        client = wide.client()

        [searched] = read(client, window(at, at + timedelta(seconds=1)), *names)
        listed = read(client, window(None, at + timedelta(seconds=1)), *names)

        assert searched.values == {name: name[-3:] for name in names}
        assert searched in listed


def test_an_object_is_described_as_it_may_be_written(hubspot: HubSpotClient) -> None:
    known = hubspot.describe_target("contacts").by_name

    assert known["hs_lead_status"].values_restricted
    assert "BAD_TIMING" in known["hs_lead_status"].values
    assert known["hs_buying_role"].multiple
    assert (known["email"].unique, known["sf_record_id_18"].unique, known["phone"].unique) == (True, True, False)
    assert (known["hubspotscore"].updatable, known["jobtitle"].updatable) == (False, True)
    assert known["hubspot_owner_id"].values_restricted is False
    assert [known[name].kind for name in ("seats_wanted", "last_webinar_on", "closedate", "sf_do_not_call")] == [
        FieldKind.DECIMAL, FieldKind.DATE, FieldKind.TIMESTAMP, FieldKind.BOOLEAN,
    ]  # fmt: skip


def test_values_are_read_as_what_they_are(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    given = {
        "seats_wanted": "12.50", "last_webinar_on": "2026-02-03", "closedate": "2026-02-03T04:05:06.007Z",
        "sf_do_not_call": "false", "lastname": "  ", "firstname": "null",
    }  # fmt: skip
    [record_id] = world.people(given)

    found = hubspot.read_records("contacts", [*given, "email"], [record_id])[record_id]

    assert found.values == {
        "seats_wanted": Decimal("12.5"),
        "last_webinar_on": date(2026, 2, 3),
        "closedate": datetime(2026, 2, 3, 4, 5, 6, 7000, tzinfo=UTC),
        "sf_do_not_call": False,
        "firstname": "null",
    }


def test_a_property_or_an_object_that_is_not_there_is_a_setting_to_fix(hubspot: HubSpotClient) -> None:
    with pytest.raises(FixSettings, match="no property jobtitel"):
        hubspot.read_records("contacts", ["jobtitel"], ["151"])
    with pytest.raises(FixSettings, match="no object people"):
        hubspot.describe_target("people")


def test_what_the_account_holds_survives_its_process(tmp_path_factory: pytest.TempPathFactory) -> None:
    data = tmp_path_factory.mktemp("hubspot")
    with SandboxProcess("hubspot", size=10, data=data) as first:
        before = first.control("GET", "records?object=contacts")
        first.control(
            "POST", "edit", {"object": "contacts", "id": before["records"][0]["id"], "properties": {"city": "Oslo"}}
        )
        edited = first.control("GET", "records?object=contacts")
    with SandboxProcess("hubspot", size=10, data=data) as second:
        after = second.control("GET", "records?object=contacts")

    assert edited["records"][0]["properties"]["city"] == "Oslo"
    assert after == edited
