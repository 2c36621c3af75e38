"""Many rows by a bulk job: every one has Salesforce's own word, and whatever is lost, none is written twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.ports import Answer, WriteAnswer
from tests.conformance.salesforce_sink.org_world import KEY, SEGMENT, OrgWorld, create, update

JOBS = "jobs/ingest"
FEW = 60
"""Rows in most of these tests; a job is used from 50 on."""


@pytest.fixture
def bulk(world: OrgWorld) -> Iterator[SalesforceSink]:
    client = world.client(bulk_from=50, bulk_rows=1000, job_limit_s=20, lock_pause_s=0.0)
    client.describe_target("Person")
    yield client
    client.close()


def by_id(answers: Sequence[WriteAnswer]) -> dict[str, WriteAnswer]:
    return {answer.change_id: answer for answer in answers}


def leads(tag: str, number: int = FEW, **values: str) -> list[Change]:
    """New leads with a key of their own."""
    return [
        create(
            f"{tag}{n}", lookup=(KEY, f"{tag}-{n}"), LastName=f"{tag} {n}", Company="Acme", **{KEY: f"{tag}-{n}"},
            **values,
        )
        for n in range(number)
    ]  # fmt: skip


def calls(world: OrgWorld) -> Counter[str]:
    """Calls of jobs by method."""
    return Counter(each["method"] for each in world.journal(JOBS))


def titles(world: OrgWorld, tag: str) -> list[str]:
    return sorted(title for title in map(str, world.column("Title")) if title.startswith(tag))


def test_every_row_of_a_job_has_its_own_outcome(world: OrgWorld) -> None:
    bulk = world.client(bulk_from=50)
    bad = {3, 120, 299}
    plan = [
        create(f"own{n}", LastName=f"Own, \"{n}\"\n x", Company="Acme", **{SEGMENT: "Odd" if n in bad else "Small"})
        for n in range(300)
    ]  # fmt: skip

    answers = by_id(bulk.apply("Person", Action.CREATE, plan))

    accepted = [n for n, change in enumerate(plan) if answers[change.change_id].answer is Answer.ACCEPTED]
    assert accepted == [n for n in range(300) if n not in bad]
    assert all(answers[plan[n].change_id].created for n in accepted)
    refused = answers[plan[3].change_id]
    assert (refused.answer, refused.rule) == (Answer.REJECTED, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    assert (refused.field_name, refused.allowed) == (SEGMENT, ("Enterprise", "Small"))
    ids = {n: answers[plan[n].change_id].record_id for n in accepted}
    made = bulk.read_records("Person", ["LastName"], list(ids.values()))
    bulk.close()
    assert {n: made[ids[n]].values["LastName"] for n in accepted} == {n: f'Own, "{n}"\n x' for n in accepted}


def test_a_job_costs_few_calls_and_reads_no_file_that_is_empty(world: OrgWorld, bulk: SalesforceSink) -> None:
    plan = leads("calls", 500)

    answers = bulk.apply("Person", Action.CREATE, plan)

    asked = [each["path"].split("?")[0].rstrip("/") for each in world.journal(JOBS)]
    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert [path.rsplit("/", 1)[1] for path in asked if "Results" in path or "records" in path] == ["successfulResults"]
    assert (calls(world)["POST"], calls(world)["PUT"], calls(world)["PATCH"]) == (1, 1, 1)


def test_an_upsert_of_many_makes_one_record_of_each(world: OrgWorld, bulk: SalesforceSink) -> None:
    plan = leads("upsert")

    first = bulk.apply("Person", Action.CREATE, plan)
    second = bulk.apply("Person", Action.CREATE, [*plan[:-1], create("x", lookup=(KEY, "UPSERT-0"), LastName="Twin")])

    assert [(a.answer, a.created) for a in first] == [(Answer.ACCEPTED, True)] * FEW
    assert [(a.answer, a.created) for a in second[:-1]] == [(Answer.ACCEPTED, False)] * (FEW - 1)
    assert [a.record_id for a in second[:-1]] == [a.record_id for a in first[:-1]]
    assert second[-1].answer is Answer.LATER  # its key, whatever its case, is another record's of this batch


def test_each_row_says_its_own_fields_and_blank_is_not_unsaid(world: OrgWorld, bulk: SalesforceSink) -> None:
    ids = world.put([world.new({"Title": "Old", "Phone": "1"}) for _ in range(FEW)])
    plan = [update(each, **({"Title": None} if n % 2 else {"Phone": "2"})) for n, each in enumerate(ids)]
    plan[0] = update(ids[0], Title="#N/A")

    answers = bulk.apply("Person", Action.UPDATE, plan)

    found = bulk.read_records("Person", ["Title", "Phone"], ids)
    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert found[ids[0]].values == {"Title": "#N/A", "Phone": "1"}
    assert found[ids[1]].values == {"Phone": "1"}
    assert found[ids[2]].values == {"Title": "Old", "Phone": "2"}
    assert len(world.journal("composite/sobjects$")) == 1 + len([1])  # `put`, and the text that a cell cannot hold


def test_an_unknown_field_fails_its_row_and_not_the_job(world: OrgWorld, bulk: SalesforceSink) -> None:
    ids = world.put([world.new({}) for _ in range(FEW)])
    plan = [update(each, Title="Known") for each in ids]
    plan[5] = update(ids[5], Nonsense__c="x")

    answers = bulk.apply("Person", Action.UPDATE, plan)

    assert [n for n, answer in enumerate(answers) if answer.answer is not Answer.ACCEPTED] == [5]
    assert (answers[5].answer, answers[5].rule) == (Answer.REJECTED, "INVALID_FIELD")


def test_a_start_whose_answer_is_lost_starts_the_job_once(world: OrgWorld, bulk: SalesforceSink) -> None:
    world.fault(kind="lost_reply", method="PATCH", path=f"{JOBS}/")

    answers = bulk.apply("Person", Action.CREATE, leads("start"))

    assert {(answer.answer, answer.created) for answer in answers} == {(Answer.ACCEPTED, True)}
    assert (calls(world)["POST"], calls(world)["PATCH"]) == (1, 1)


def test_an_upload_whose_answer_is_lost_is_made_in_a_new_job(world: OrgWorld, bulk: SalesforceSink) -> None:
    world.fault(kind="lost_reply", method="PUT", path=JOBS)

    answers = bulk.apply("Person", Action.CREATE, leads("upload", Title="uploaded"))

    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert len(titles(world, "uploaded")) == FEW
    assert (calls(world)["POST"], calls(world)["PUT"]) == (2, 2)


def test_a_job_that_cannot_be_asked_any_more_is_unknown_and_not_sent_again(world: OrgWorld) -> None:
    client = world.client(bulk_from=50, limit_s=0.2)
    client.describe_target("Person")
    world.fault(preset="unavailable", method="GET", path=f"{JOBS}/[^/]+$", count=None)

    answers = client.apply("Person", Action.CREATE, leads("lost", Title="asked"))
    client.close()

    assert {answer.answer for answer in answers} == {Answer.UNKNOWN}
    assert (calls(world)["POST"], calls(world)["PUT"]) == (1, 1)
    world.until(lambda: len(titles(world, "asked")) == FEW)


def test_what_a_failed_job_did_not_get_to_is_for_later(world: OrgWorld, bulk: SalesforceSink) -> None:
    world.fault(kind="job_failed", operation="upsert", after_records=20, message="InternalServerError : too bad")

    answers = bulk.apply("Person", Action.CREATE, leads("half"))

    assert Counter(answer.answer for answer in answers) == {Answer.ACCEPTED: 20, Answer.LATER: FEW - 20}
    assert "too bad" in next(answer.reason for answer in answers if answer.answer is Answer.LATER)


def test_a_job_that_takes_too_long_is_aborted_and_nothing_of_it_comes_later(world: OrgWorld) -> None:
    client = world.client(bulk_from=50, job_limit_s=0.2)
    world.fault(kind="job_stuck", operation="upsert")

    answers = client.apply("Person", Action.CREATE, leads("stuck", Title="stuck"))
    client.close()

    assert {answer.answer for answer in answers} == {Answer.LATER}
    assert titles(world, "stuck") == []


def test_rows_that_meet_a_lock_in_a_job_are_sent_one_call_after_another(world: OrgWorld, bulk: SalesforceSink) -> None:
    [parent] = world.put([{"Name": "Busy"}], object_name="Account")
    ids = world.put([{"LastName": f"Child {n}", "AccountId": parent} for n in range(FEW)], object_name="Contact")
    world.fault(kind="parent_locked", object="Contact", parent=parent, only_jobs=True, count=None)
    plan = [update(each, Title="Served", group=parent) for each in ids]

    answers = bulk.apply("Person", Action.UPDATE, plan)

    assert {answer.answer for answer in answers} == {Answer.ACCEPTED}
    assert calls(world)["POST"] == 1


def test_a_parent_that_stays_locked_is_for_later_and_costs_no_more_calls_than_allowed(world: OrgWorld) -> None:
    client = world.client(bulk_from=1000, lock_calls=6, lock_pause_s=0.0)
    held, free = world.put([{"Name": "Held"}, {"Name": "Free"}], object_name="Account")
    parents = [held if n < 5 else free for n in range(FEW)]
    ids = world.put([{"LastName": "Child", "AccountId": each} for each in parents], object_name="Contact")
    world.fault(kind="parent_locked", object="Contact", parent=held, count=None)
    before = world.writes()

    answers = client.apply(
        "Contact", Action.UPDATE, [update(i, "Contact", Title="x", group=p) for i, p in zip(ids, parents, strict=True)]
    )
    client.close()

    assert [answer.answer for answer in answers] == [Answer.LATER] * 5 + [Answer.ACCEPTED] * (FEW - 5)
    assert {answer.rule for answer in answers[:5]} == {"UNABLE_TO_LOCK_ROW"}
    assert world.writes() - before == 1 + 6  # all; five together; each alone


def test_what_an_earlier_job_may_have_created_is_looked_for_before_it_is_created_again(world: OrgWorld) -> None:
    client = world.client()
    client.describe_target("Person")
    world.insert_by_job("Lead", "LastName,Company,Title\nEarly,Acme,early 1\n", slow_s=0.5)
    plan = [create("early", LastName="Early", Company="Acme", Title="early 1")]

    while_it_runs = client.apply("Person", Action.CREATE, plan)
    world.until(lambda: titles(world, "early") == ["early 1"])
    after_it_ran = client.apply("Person", Action.CREATE, plan)
    client.close()
    time.sleep(1.1)  # stamps are whole seconds
    fresh = world.client()
    of_a_fresh_look = fresh.apply("Person", Action.CREATE, plan)
    fresh.close()

    assert [each[0].answer for each in (while_it_runs, after_it_ran, of_a_fresh_look)] == [
        Answer.LATER, Answer.LATER, Answer.ACCEPTED,
    ]  # fmt: skip
