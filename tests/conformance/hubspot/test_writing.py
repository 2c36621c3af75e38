"""Every record that is written has HubSpot's own word on it, and none is written twice."""

from __future__ import annotations

import pytest

from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.changes import Action
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import Answer, WriteAnswer
from tests.conformance.hubspot.hubspot_world import HubSpotWorld, create, delete, update


def by_change(answers: object) -> dict[str, WriteAnswer]:
    assert isinstance(answers, list)
    return {answer.change_id: answer for answer in answers}


def test_of_500_creates_three_bad_ones_are_refused_and_497_written(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    bad = {17, 140, 499}
    plan = [
        create(f"k{n}", email=f"bulk{n}@write.example", hs_lead_status="MAYBE" if n in bad else "NEW")
        for n in range(500)
    ]
    size = hubspot.batch_size("contacts", Action.CREATE, changes=500)

    answers = {}
    for start in range(0, 500, size):
        answers |= by_change(hubspot.apply("contacts", Action.CREATE, plan[start : start + size]))

    accepted = [n for n, change in enumerate(plan) if answers[change.change_id].answer is Answer.ACCEPTED]
    refused = answers[plan[17].change_id]
    assert [n for n in range(500) if n not in accepted] == sorted(bad)
    assert (refused.answer, refused.rule, refused.field_name) == (Answer.REJECTED, "INVALID_OPTION", "hs_lead_status")
    assert "OPEN_DEAL" in refused.allowed
    assert len(world.calls("batch/create")) == 5
    assert all(each["status"] in (201, 207) for each in world.calls("batch/create"))
    # Answers come in an order of their own: each id must be that of its own record.
    made = hubspot.read_records("contacts", ["email"], [answers[plan[n].change_id].record_id for n in accepted])
    for n in accepted:
        assert made[answers[plan[n].change_id].record_id].values["email"] == f"bulk{n}@write.example"


def test_a_batch_that_is_refused_as_a_whole_is_parted_down_to_the_bad_one(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    world.control("POST", "settings", {"whole_batch_refused": True})
    ids = world.people(*({"lastname": f"Whole {n}"} for n in range(64)))
    plan = [update(record_id, seats_wanted="many" if n == 40 else "3") for n, record_id in enumerate(ids)]

    answers = by_change(hubspot.apply("contacts", Action.UPDATE, plan))

    refused = [n for n, change in enumerate(plan) if answers[change.change_id].answer is Answer.REJECTED]
    assert refused == [40]
    assert answers[plan[40].change_id].field_name == "seats_wanted"
    assert all(world.stored(ids[n])["seats_wanted"] == "3" for n in (0, 39, 41, 63))
    assert len(world.calls("batch/update")) == 13  # two for each halving of 64, and the first


def test_a_create_by_a_unique_property_makes_one_record_however_often(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    key = ("sf_record_id_18", "003000000000001AAA")
    change = create("L1", lookup=key, sf_record_id_18=key[1], email="once@write.example", city="Rome")

    [first] = hubspot.apply("contacts", Action.CREATE, [change])
    [second] = hubspot.apply("contacts", Action.CREATE, [change])

    assert (first.answer, first.created) == (Answer.ACCEPTED, True)
    assert (second.answer, second.created, second.record_id) == (Answer.ACCEPTED, False, first.record_id)
    assert world.holders("email", "once@write.example") == [first.record_id]


def test_a_create_whose_address_is_taken_names_the_record_that_has_it(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    [there] = world.people({"email": "taken@write.example"})
    plan = [
        create("L1", lookup=("email", "taken@write.example"), email="Taken@write.example"),
        create("L2", city="Ulm"),
    ]

    answers = by_change(hubspot.apply("contacts", Action.CREATE, plan))

    refused = answers[plan[0].change_id]
    assert (refused.answer, refused.rule) == (Answer.REJECTED, "CONFLICT")
    assert there in refused.reason
    assert answers[plan[1].change_id].answer is Answer.ACCEPTED


@pytest.mark.parametrize("trouble", [{"kind": "lost_reply"}, {"preset": "gateway_timeout"}, {"preset": "edge_timeout"}])
def test_a_create_whose_answer_is_lost_is_not_sent_again(
    trouble: dict[str, str], world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    hubspot.describe_target("contacts")
    email = f"{''.join(trouble.values()).replace('_', '')}@lost.example"
    world.fault(**trouble, path="batch/create")

    [answer] = hubspot.apply("contacts", Action.CREATE, [create("L1", lookup=("email", email), email=email)])
    found = hubspot.find("contacts", "email", [email], fields=["email"])

    assert answer.answer is Answer.UNKNOWN
    assert len(world.calls("batch/create")) == 1
    assert len(found.get(email, ())) == len(world.holders("email", email))
    assert (email in found) == ("kind" in trouble)


def test_a_lock_on_one_record_is_for_later_and_the_others_are_written(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    ids = world.people({"lastname": "Lock"}, {"lastname": "Free"})
    world.fault(kind="row_failure", category="LOCKED", status=423, property="city", matches="Pisa")
    plan = [update(ids[0], city="Pisa"), update(ids[1], city="Lund")]

    answers = by_change(hubspot.apply("contacts", Action.UPDATE, plan))

    assert [answers[change.change_id].answer for change in plan] == [Answer.LATER, Answer.ACCEPTED]


def test_a_record_that_is_gone_is_refused_alone(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [there] = world.people({"lastname": "There"})
    plan = [update("999999998", city="Nowhere"), update(there, city="Kyiv")]

    answers = by_change(hubspot.apply("contacts", Action.UPDATE, plan))

    assert answers[plan[0].change_id].rule == "OBJECT_NOT_FOUND"
    assert world.stored(there)["city"] == "Kyiv"


def test_an_update_by_a_merged_id_reaches_the_record_that_is_left(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    winner, loser = world.people({"lastname": "Winner"}, {"lastname": "Loser"})
    world.control("POST", "merge", {"object": "contacts", "winner": winner, "loser": loser})

    [answer] = hubspot.apply("contacts", Action.UPDATE, [update(loser, city="Porto")])

    assert (answer.answer, answer.record_id) == (Answer.ACCEPTED, winner)
    assert world.stored(winner)["city"] == "Porto"


def test_none_clears_a_value(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [record_id] = world.people({"lastname": "Clear", "city": "Lyon", "sf_do_not_call": "true"})

    hubspot.apply("contacts", Action.UPDATE, [update(record_id, city=None, sf_do_not_call=False)])

    assert world.stored(record_id) == {"lastname": "Clear", "sf_do_not_call": "false"}


def test_a_stage_does_not_move_back_and_the_read_says_so(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [record_id] = world.people({"lastname": "Stage", "lifecyclestage": "customer"})

    [answer] = hubspot.apply("contacts", Action.UPDATE, [update(record_id, lifecyclestage="lead")])

    assert answer.answer is Answer.ACCEPTED  # HubSpot says so, and leaves it
    assert hubspot.read_records("contacts", ["lifecyclestage"], [record_id])[record_id].values == {
        "lifecyclestage": "customer"
    }


def test_records_are_archived(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    ids = world.people({"lastname": "Gone 1"}, {"lastname": "Gone 2"})

    answers = hubspot.apply("contacts", Action.DELETE, [delete(record_id) for record_id in ids])

    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert all(record.is_deleted for record in hubspot.read_records("contacts", [], ids).values())


def test_hubspot_refuses_too_many_and_twice_the_same_and_the_client_never_asks_it(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    [record_id] = world.people({"lastname": "Twice"})
    many = [{"id": record_id, "properties": {"city": "X"}}] * 101
    path = "/crm/v3/objects/contacts/batch/update"

    assert world.http.post(path, json={"inputs": many}).status_code == 400
    assert world.http.post(path, json={"inputs": many[:2]}).json()["category"] == "VALIDATION_ERROR"
    with pytest.raises(StopRun, match="100 records in a call"):
        hubspot.apply("contacts", Action.UPDATE, [update(str(n), city="X") for n in range(101)])


def test_without_trace_ids_hubspot_creates_all_or_none(world: HubSpotWorld) -> None:
    inputs = [{"properties": {"email": "all@or.example"}}, {"properties": {"nonsense": "x"}}]

    answer = world.http.post("/crm/v3/objects/contacts/batch/create", json={"inputs": inputs})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    assert world.holders("email", "all@or.example") == []


def test_an_opt_out_goes_to_the_subscriptions_and_the_rest_to_the_record(
    world: HubSpotWorld, hubspot: HubSpotClient
) -> None:
    ids = world.people({"email": "out@consent.example"}, {"email": "in@consent.example"})
    plan = [update(ids[0], hs_email_optout=True, city="Graz"), update(ids[1], city="Linz")]

    answers = by_change(hubspot.apply("contacts", Action.UPDATE, plan))

    assert {answer.answer for answer in answers.values()} == {Answer.ACCEPTED}
    assert world.stored(ids[0]) == {"email": "out@consent.example", "city": "Graz", "hs_email_optout": "true"}
    assert world.stored(ids[1]) == {"email": "in@consent.example", "city": "Linz"}
    status = world.http.get("/communication-preferences/v3/status/email/out@consent.example").json()
    assert {each["status"] for each in status["subscriptionStatuses"]} == {"NOT_SUBSCRIBED"}


def test_nobody_is_opted_in_again(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [record_id] = world.people({"email": "never@consent.example"})

    [answer] = hubspot.apply("contacts", Action.UPDATE, [update(record_id, hs_email_optout=False)])

    assert (answer.answer, answer.rule, answer.field_name) == (Answer.REJECTED, "OPT_IN", "hs_email_optout")


def test_contacts_are_associated_with_companies(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    people = world.people(*({"lastname": f"Member {n}"} for n in range(3)))
    first, second = world.records("companies", [{"name": "First"}, {"name": "Second"}])
    between = hubspot.associations("contacts", "companies")

    refused = between.add([(person, first) for person in people] + [("999999997", first)])
    between.add([(people[0], first)], type_id=1)
    between.add([(people[0], second)], type_id=1)
    between.remove([(people[2], first)])
    found = between.of(people)

    assert [(each.from_id, each.to_id) for each in refused] == [("999999997", first)]
    assert {each.other_id: each.type_ids for each in found[people[0]]} == {first: (279,), second: (1, 279)}
    assert [each.other_id for each in found[people[1]]] == [first]
    assert people[2] not in found
    assert {each.other_id for each in hubspot.associations("companies", "contacts").of([first])[first]} == set(
        people[:2]
    )
