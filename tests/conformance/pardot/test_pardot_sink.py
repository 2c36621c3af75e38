"""Account Engagement as every sink has to be, and where it differs from the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_patterns.clients.pardot.client import PardotClient
from crm_patterns.core.changes import Action
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import Answer, Sink
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.pardot.pardot_world import PardotWorld, create, update
from tests.conformance.sink_suite import SinkSuite, SinkWorld


class TestPardotSink(SinkSuite):
    """The API tells no values of a picklist, so that the suite's refusals are of addresses here."""

    def test_an_object_is_described_as_it_may_be_written(self, world: SinkWorld, sink: Sink) -> None:
        known = sink.describe_target("prospects").by_name

        assert (known["jobtitle"].length, known["jobtitle"].updatable) == (255, True)
        assert (known["email"].required, known["email"].unique) == (True, False)
        assert not known["salesforceid"].updatable
        assert known["optedout"].kind is FieldKind.BOOLEAN
        assert (known["seats__c"].kind, known["renewal__c"].kind) == (FieldKind.DECIMAL, FieldKind.DATE)
        assert (known["notes__c"].length, known["interests__c"].multiple) == (65_535, True)

    def test_of_many_creates_the_bad_ones_are_refused_and_the_others_written(
        self, world: SinkWorld, sink: Sink
    ) -> None:
        bad = {3, 40}
        plan = [
            create(f"k{n}", email="no address" if n in bad else f"many{n}@bulk.example", jobTitle=f"T{n}")
            for n in range(60)
        ]

        answers = {a.change_id: a for a in sink.apply("prospects", Action.CREATE, plan)}

        accepted = [n for n in range(60) if answers[plan[n].change_id].answer is Answer.ACCEPTED]
        ids = [answers[plan[n].change_id].record_id for n in accepted]
        made = sink.read_records("prospects", ["email"], ids)
        assert accepted == [n for n in range(60) if n not in bad]
        assert answers[plan[3].change_id].rule == "85"
        assert [made[i].values["email"] for i in ids] == [f"many{n}@bulk.example" for n in accepted]


def test_a_create_finds_the_prospect_last_active_and_brings_one_back_from_the_bin(
    world: PardotWorld, sink: PardotClient
) -> None:
    old, active = world.put([{"email": "two@up.example"}, {"email": "two@up.example", "lastActivityAt": 1_900_000_000}])
    [binned] = world.put([{"email": "binned@up.example", "optedOut": True}])
    world.remove([binned])
    plan = [create("a", email="Two@up.example", city="Bari"), create("b", email="binned@up.example", city="Bonn")]

    answers = {a.change_id: a for a in sink.apply("prospects", Action.CREATE, plan)}

    assert [answers[c.change_id].record_id for c in plan] == [active, binned]
    assert not answers[plan[0].change_id].created
    assert "city" not in world.held(old)
    assert (world.held(binned)["city"], world.held(binned)["optedOut"]) == ("Bonn", True)


def test_two_creates_of_one_address_leave_one_prospect(world: PardotWorld, sink: PardotClient) -> None:
    world.control("POST", "settings", {"latency_s": 0.05})
    plan = [create(f"k{n}", email="Same@up.example" if n % 2 else "same@up.example", city=f"C{n}") for n in range(4)]

    answers = sink.apply("prospects", Action.CREATE, plan)

    assert len({answer.record_id for answer in answers}) == 1
    assert sorted(answer.created for answer in answers) == [False, False, False, True]


def test_a_create_that_may_not_be_read_is_to_be_looked_for(world: PardotWorld, sink: PardotClient) -> None:
    world.control("POST", "settings", {"create_is_silent": True})

    [answer] = sink.apply("prospects", Action.CREATE, [create("k", email="silent@up.example")])

    assert answer.answer is Answer.UNKNOWN
    assert len(world.calls("upsertLatestByEmail")) == 1
    assert "silent@up.example" in sink.find("prospects", "email", ["silent@up.example"], fields=["email"])


def test_without_an_address_nothing_is_sent(world: PardotWorld, sink: PardotClient) -> None:
    sink.describe_target("prospects")

    [answer] = sink.apply("prospects", Action.CREATE, [create("k", lastName="Nobody")])

    assert (answer.answer, answer.rule, world.writes()) == (Answer.REJECTED, "NO_EMAIL", 0)


def test_people_of_the_org_are_found_by_their_salesforce_id_and_values_keep_their_kinds(
    world: PardotWorld, sink: PardotClient
) -> None:
    person = next(each for each in world.records() if each.get("salesforceId") and not each["isDeleted"])
    record_id, crm_id = str(person["id"]), str(person["salesforceId"])
    [answer] = sink.apply(
        "prospects", Action.UPDATE, [update(record_id, Interests__c="Ski;Chess", isDoNotCall=True, Notes__c="a\nb")]
    )

    found = sink.find("prospects", "salesforceId", [crm_id, "003000000000000AAA"], fields=["Interests__c", "Notes__c"])
    by_own_field = sink.find("prospects", "SF_Record_Id__c", [crm_id], fields=["isDoNotCall"])

    assert answer.answer is Answer.ACCEPTED
    assert {key: [r.values for r in held] for key, held in found.items()} == {
        crm_id: [{"Interests__c": "Ski;Chess", "Notes__c": "a\nb"}]
    }
    assert by_own_field[crm_id][0].values == {"isDoNotCall": True}


def test_several_prospects_of_one_address_are_all_found(world: PardotWorld, sink: PardotClient) -> None:
    ids = world.put([{"email": "both@find.example"}, {"email": "both@find.example"}])

    found = sink.find("prospects", "email", ["both@find.example"], fields=["email"])

    assert sorted(record.record_id for record in found["both@find.example"]) == sorted(ids)


def test_a_window_of_more_than_a_page_is_read_in_order_of_ids(world: PardotWorld, sink: PardotClient) -> None:
    at = world.now().replace(year=2020, microsecond=0)
    ids = world.put([{"lastName": f"P{n}"} for n in range(2300)], at=at)
    world.control("POST", "settings", {"chain_cap": 1500})
    before = len(world.calls("prospects"))

    pages = list(sink.read_window("prospects", ["lastName"], Window(at, at + timedelta(seconds=1), WindowKind.FULL)))

    assert [record.record_id for page in pages for record in page] == ids
    assert [len(page) for page in pages] == [1000, 1000, 300]
    assert len(world.calls("prospects")) - before == 3


def test_ids_that_lie_apart_are_read_one_by_one(world: PardotWorld, sink: PardotClient) -> None:
    first = str(world.records()[0]["id"])
    [last] = world.put([{"lastName": "Last"}])
    sink.describe_target("prospects")
    before = len(world.calls("prospects"))

    found = sink.read_records("prospects", ["lastName"], [first, last, "999999998"])

    assert set(found) == {first, last}
    assert len(world.calls("prospects")) - before == 3


def test_what_is_no_prospect_is_written_in_salesforce(sink: PardotClient) -> None:
    with pytest.raises(FixSettings, match="written in Salesforce"):
        sink.describe_target("campaigns")


def test_responses_name_the_campaign_of_salesforce(world: PardotWorld, sink: PardotClient) -> None:
    campaign = next(each for each in world.records("campaigns") if each["salesforceId"])
    alone = next(each for each in world.records("campaigns") if not each["salesforceId"])
    [person] = world.put([{"email": "answers@up.example"}])
    at = world.now().replace(year=2019, microsecond=0)
    for number, (kind, key) in enumerate([(25, campaign), (24, campaign), (13, campaign), (4, alone), (1, None)]):
        body = {"prospect": person, "type": kind, "campaign": key and key["id"]}
        world.control("POST", "activities", {**body, "at": (at + timedelta(minutes=number)).isoformat()})

    told = list(sink.responses(Window(at, at + timedelta(hours=1), WindowKind.INCREMENTAL)))

    assert [(r.person_id, r.campaign_key, r.status, r.at) for r in told] == [
        (person, campaign["salesforceId"], "Registered", at),
        (person, campaign["salesforceId"], "Attended", at + timedelta(minutes=1)),
        (person, alone["name"], "Success", at + timedelta(minutes=3)),
    ]
