"""Leads and contacts are one object to a platform that knows one kind of person."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.core.changes import Action
from crm_patterns.core.errors import FixSettings, OutOfBudget
from crm_patterns.core.ports import Answer
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window, WindowKind
from tests.conformance.salesforce_sink.org_world import OrgWorld, create, update


def changed(sink: SalesforceSink, start: datetime, *fields: str, name: str = "Person") -> dict[str, TargetRecord]:
    window = Window(start, datetime.now(UTC) + timedelta(seconds=2), WindowKind.INCREMENTAL)
    return {record.record_id: record for page in sink.read_window(name, fields, window) for record in page}


def contact(world: OrgWorld, **values: str) -> str:
    return world.put([{"LastName": "Contact", **values}], object_name="Contact")[0]


def test_the_description_is_the_union_and_a_new_person_needs_what_a_lead_needs(sink: SalesforceSink) -> None:
    person = sink.describe_target("Person")

    known = person.by_name
    assert {name for name, field in known.items() if field.required} == {"lastname", "company"}
    assert "Birthdate" in person.not_on_new
    assert "Company" not in person.not_on_new
    assert known["title"].length == 128
    assert known["birthdate"].updatable
    assert not known["name"].updatable
    assert known["numberofemployees"].precision == 8
    assert (known["annualrevenue"].precision, known["annualrevenue"].scale) == (18, 0)


def test_each_kind_says_what_it_lacks(world: OrgWorld, sink: SalesforceSink) -> None:
    start = world.now() - timedelta(seconds=2)
    [lead] = world.put([world.new({})])
    other = contact(world, Birthdate="1980-02-03")
    asked = ["Company", "Birthdate", "LastName"]

    by_id = sink.read_records("Person", asked, [lead, other, "001000000000000AAA"])
    by_time = changed(sink, start, *asked)

    assert by_id.keys() == {lead, other}
    assert by_id[lead].lacks == by_time[lead].lacks == {"Birthdate"}
    assert by_id[other].lacks == by_time[other].lacks == {"Company"}
    assert by_id[other].values == {"Birthdate": date(1980, 2, 3), "LastName": "Contact"}
    with pytest.raises(FixSettings, match="Neither leads nor contacts have a field Birthday"):
        sink.read_records("Person", ["Birthday"], [lead])


def test_a_converted_lead_leads_to_its_contact(world: OrgWorld, sink: SalesforceSink) -> None:
    start = world.now() - timedelta(seconds=2)
    [lead] = world.put([world.new({"Email": "converted@people.example"})])
    became = world.convert(lead)

    by_id = sink.read_records("Person", ["Email"], [lead, became])
    by_mail = sink.find("Person", "Email", ["converted@people.example"], fields=["Email"])
    by_time = changed(sink, start, "Email")
    [refused] = sink.apply("Person", Action.UPDATE, [update(lead, Title="No")])

    assert (by_id[lead].merged_into, by_id[became].merged_into) == (became, "")
    assert [record.record_id for record in by_mail["converted@people.example"]] == [became]
    assert (by_time[lead].merged_into, by_time[became].merged_into) == (became, "")
    assert (refused.answer, refused.rule) == (Answer.REJECTED, "CANNOT_UPDATE_CONVERTED_LEAD")


def test_a_lead_and_a_contact_of_one_address_are_two_holders(world: OrgWorld, sink: SalesforceSink) -> None:
    [lead] = world.put([world.new({"Email": "Both@people.example"})])
    other = contact(world, Email="both@people.example")

    found = sink.find("Person", "Email", ["both@people.example"], fields=["Email", "Company"])

    assert [record.record_id for record in found["both@people.example"]] == [lead, other]


def test_a_new_person_is_a_lead_and_an_edit_goes_to_its_own_kind(world: OrgWorld, sink: SalesforceSink) -> None:
    other = contact(world)
    [lead] = world.put([world.new({})])

    [made] = sink.apply("Person", Action.CREATE, [create("77", LastName="New", Company="Acme")])
    edits = [update(lead, Title="L", Company="Acme 2"), update(other, Title="C", Birthdate=date(1990, 1, 1))]
    answers = sink.apply("Person", Action.UPDATE, edits)

    assert (made.answer, made.created, made.record_id[:3]) == (Answer.ACCEPTED, True, "00Q")
    assert {(answer.change_id, answer.answer) for answer in answers} == {
        (edit.change_id, Answer.ACCEPTED) for edit in edits
    }
    assert (world.held(lead)["Company"], world.held(other)["Birthdate"]) == ("Acme 2", "1990-01-01")
    with pytest.raises(FixSettings, match="neither a lead nor a contact"):
        sink.apply("Person", Action.UPDATE, [update("001000000000000AAA", Title="x")])


def test_what_is_not_even_in_the_bin_is_told_by_the_log(world: OrgWorld, sink: SalesforceSink) -> None:
    gone, back, merged, winner = world.put([world.new({"Title": f"{n}"}) for n in range(4)])
    start = world.now() - timedelta(seconds=2)
    world.control("POST", "hard_delete", {"ids": [gone]})
    world.remove([back])
    world.control("POST", "undelete", {"ids": [back]})
    world.merge(winner, merged)

    found = changed(sink, start, "Title")

    assert (found[gone].is_deleted, found[gone].values) == (True, {})
    assert (found[back].is_deleted, found[back].values) == (False, {"Title": "1"})
    assert found[merged].merged_into == winner
    assert gone not in sink.read_records("Person", ["Title"], [gone])


def test_values_come_back_as_what_they_were(world: OrgWorld, sink: SalesforceSink) -> None:
    exact = {
        "AnnualRevenue": Decimal("123456789012345"), "NumberOfEmployees": 12, "HasOptedOutOfEmail": True,
        "Description": "Zeile 1\r\nLíne \"2\" \\ ü",
    }  # fmt: skip
    [lead] = world.put([world.new({})])
    other = contact(world)
    bounced = {"EmailBouncedDate": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "Birthdate": date(2000, 2, 29)}

    sink.apply("Person", Action.UPDATE, [update(lead, **exact), update(other, **bounced)])

    assert sink.read_records("Person", list(exact), [lead])[lead].values == exact
    assert sink.read_records("Person", list(bounced), [other])[other].values == bounced


def test_many_values_are_looked_up_in_few_calls(world: OrgWorld, sink: SalesforceSink) -> None:
    mails = [f"a.rather.long.address.of.number.{n}@longlonglonglonglonglong.example" for n in range(3000)]
    [one] = world.put([world.new({"Email": mails[2999]})])
    sink.describe_target("Lead")
    world.control("DELETE", "requests")

    found = sink.find("Lead", "Email", mails, fields=["LastName"])

    assert {mail: [record.record_id for record in held] for mail, held in found.items()} == {mails[2999]: [one]}
    assert len(world.journal("/services/data")) <= 2


def test_a_batch_that_is_refused_as_a_whole_is_parted_down_to_the_bad_one(
    world: OrgWorld, sink: SalesforceSink
) -> None:
    ids = world.put([world.new({"Title": "Old"}) for _ in range(8)])
    body = '[{"message": "Cannot deserialize instance of boolean", "errorCode": "JSON_PARSER_ERROR"}]'
    for skip in (0, 0, 0, 0):  # the eight, the first four, the first two, the first
        world.fault(kind="status", status=400, body=body, method="PATCH", path="composite/sobjects$", skip=skip)
    plan = [update(each, Title="New") for each in ids]

    answers = sink.apply("Person", Action.UPDATE, plan)

    assert [answer.answer for answer in answers] == [Answer.REJECTED] + [Answer.ACCEPTED] * 7
    assert [world.held(each)["Title"] for each in ids] == ["Old"] + ["New"] * 7


def test_a_spent_day_loses_no_answer(world: OrgWorld, sink: SalesforceSink) -> None:
    ids = world.put([world.new({"Title": "Old"}) for _ in range(450)])
    plan = [update(each, Title="New") for each in ids]
    sink.describe_target("Person")
    world.control("POST", "limits", {"name": "DailyApiRequests", "remaining": 1})

    some = sink.apply("Person", Action.UPDATE, plan)
    with pytest.raises(OutOfBudget):
        sink.apply("Person", Action.UPDATE, plan)

    assert [answer.answer for answer in some] == [Answer.ACCEPTED] * 200 + [Answer.LATER] * 250
