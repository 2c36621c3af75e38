"""Every lead that is written has Marketo's own word on it, and none is made twice."""

from __future__ import annotations

import pytest

from crm_patterns.clients.marketo.client import MarketoClient
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import StopRun
from crm_patterns.core.ports import Answer, WriteAnswer
from tests.conformance.marketo.marketo_world import WRITES, MarketoWorld, create, update


def sent(client: MarketoClient, action: Action, plan: list[Change]) -> list[WriteAnswer]:
    """Answers in the order of the plan."""
    answers = {answer.change_id: answer for answer in client.apply("leads", action, plan)}
    assert len(answers) == len(plan)
    return [answers[change.change_id] for change in plan]


def test_300_leads_go_in_one_call(world: MarketoWorld, marketo: MarketoClient) -> None:
    plan = [create(f"k{n}", email=f"m{n}@batch.example") for n in range(300)]

    answers = sent(marketo, Action.CREATE, plan)

    assert {(each.answer, each.created) for each in answers} == {(Answer.ACCEPTED, True)}
    assert len(world.writes()) == 1
    with pytest.raises(StopRun, match="300 leads in a call"):
        marketo.apply("leads", Action.CREATE, [*plan, create("one more")])


def test_a_create_whose_address_is_taken_is_refused_and_changes_nothing(
    world: MarketoWorld, marketo: MarketoClient
) -> None:
    [there] = world.people({"email": "taken@write.example", "city": "Rome"})
    plan = [create("L1", lookup=("email", "taken@write.example"), email="taken@write.example", city="Ulm")]

    [answer] = sent(marketo, Action.CREATE, plan)

    assert (answer.answer, answer.rule) == (Answer.REJECTED, "1005")
    assert "link to it" in answer.reason
    assert world.stored(there)["city"] == "Rome"


def test_a_key_twice_in_a_batch_goes_in_two_calls_and_makes_one_lead(
    world: MarketoWorld, marketo: MarketoClient
) -> None:
    key = ("sfRecordId18", "00Q5g0000000000Twc")
    plan = [create(f"L{n}", lookup=key, sfRecordId18=key[1], city=f"City {n}") for n in range(2)]

    answers = sent(marketo, Action.CREATE, plan)

    [held] = world.holders("sfRecordId18", key[1])
    assert [(each.answer, each.created, each.record_id) for each in answers] == [
        (Answer.ACCEPTED, True, held),
        (Answer.ACCEPTED, False, held),
    ]
    assert len(world.writes()) == 2


def test_two_leads_of_one_key_are_a_matter_for_a_person(world: MarketoWorld, marketo: MarketoClient) -> None:
    key = ("sfRecordId18", "00Q5g0000000000Dup")
    world.people({"sfRecordId18": key[1]}, {"sfRecordId18": key[1]})

    [answer] = sent(marketo, Action.CREATE, [create("L", lookup=key, sfRecordId18=key[1], city="Nowhere")])

    assert (answer.answer, answer.rule) == (Answer.REJECTED, "1007")
    assert "merge them" in answer.reason


def test_bodies_stay_below_a_megabyte(world: MarketoWorld, marketo: MarketoClient) -> None:
    plan = [create(f"k{n}", email=f"big{n}@body.example", notes="x" * 20_000) for n in range(100)]

    answers = sent(marketo, Action.CREATE, plan)

    assert {each.answer for each in answers} == {Answer.ACCEPTED}
    assert len(world.writes()) == 3


@pytest.mark.parametrize("trouble", ["lost_reply", "604", "gateway_timeout"])
def test_a_create_whose_answer_is_lost_is_not_sent_again(
    trouble: str, world: MarketoWorld, marketo: MarketoClient
) -> None:
    marketo.describe_target("leads")
    email = f"{trouble.replace('_', '')}@lost.example"
    fault = {"kind": trouble} if trouble == "lost_reply" else {"preset": trouble}
    world.fault(**fault, method="POST", path=WRITES)

    [answer] = sent(marketo, Action.CREATE, [create("L1", lookup=("email", email), email=email)])
    found = marketo.find("leads", "email", [email], fields=["email"])

    assert answer.answer is Answer.UNKNOWN
    assert len(world.writes()) == 1
    assert (email in found) == (trouble == "lost_reply")


def test_a_system_error_is_traced_to_the_lead_that_makes_it(world: MarketoWorld, marketo: MarketoClient) -> None:
    ids = world.people(*({"email": f"s{n}@system.example"} for n in range(4)))
    marketo.describe_target("leads")
    for _ in range(2):  # the batch, and its first half: the halves of that pass
        world.fault(preset="611", method="POST", path=WRITES)
    plan = [update(each, city=f"Town {n}") for n, each in enumerate(ids)]

    answers = sent(marketo, Action.UPDATE, plan)

    assert {each.answer for each in answers} == {Answer.ACCEPTED}
    assert [world.stored(each)["city"] for each in ids] == [f"Town {n}" for n in range(4)]
    assert len(world.writes()) == 5


def test_a_lead_that_exists_after_a_system_error_may_be_ours(world: MarketoWorld, marketo: MarketoClient) -> None:
    marketo.describe_target("leads")
    world.people({"email": "ours0@doubt.example"})  # as if the batch had been carried out before it failed
    world.fault(preset="611", method="POST", path=WRITES)
    plan = [create(f"k{n}", email=f"ours{n}@doubt.example") for n in range(2)]

    answers = sent(marketo, Action.CREATE, plan)

    assert [each.answer for each in answers] == [Answer.UNKNOWN, Answer.ACCEPTED]


@pytest.mark.parametrize(("code", "answer"), [("1022", Answer.LATER), ("719", Answer.LATER), ("1007", Answer.REJECTED)])
def test_a_skipped_lead_is_judged_by_its_code(
    code: str, answer: Answer, world: MarketoWorld, marketo: MarketoClient
) -> None:
    bad, good = world.people({"email": f"bad{code}@skip.example"}, {"email": f"good{code}@skip.example"})
    world.fault(kind="row_failure", field="city", matches=f"No {code}", code=code, message="Skipped")
    plan = [update(bad, city=f"No {code}"), update(good, city="Yes")]

    answers = sent(marketo, Action.UPDATE, plan)

    assert [(each.answer, each.rule) for each in answers] == [(answer, code), (Answer.ACCEPTED, "")]


def test_an_opt_out_is_a_field_like_others(world: MarketoWorld, marketo: MarketoClient) -> None:
    [one] = world.people({"email": "out@consent.example"})

    sent(marketo, Action.UPDATE, [update(one, unsubscribed=True, doNotCall=True)])

    assert world.stored(one) == {"email": "out@consent.example", "unsubscribed": True, "doNotCall": True}
    kinds = [each["activityTypeId"] for each in world.control("GET", "activities")["activities"] if str(each["leadId"]) == one]  # noqa: E501 # fmt: skip
    assert kinds == [12, 13, 13]


def test_an_address_that_is_not_ascii_is_refused_with_its_field(world: MarketoWorld, marketo: MarketoClient) -> None:
    [answer] = sent(marketo, Action.CREATE, [create("k", email="søren@mail.example")])

    assert (answer.answer, answer.rule, answer.field_name) == (Answer.REJECTED, "1003", "email")
    assert len(world.writes()) == 1
