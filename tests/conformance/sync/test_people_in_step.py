"""What a person sees of the sync, on both systems as they are: the stores themselves are asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_patterns.core.changes import Side
from tests.conformance.sync_world import NAME, SyncWorld


def test_a_first_load_links_by_address_whatever_its_case_creates_who_is_missing_and_rests(world: SyncWorld) -> None:
    shouted, quiet, new = world.leads([{"Email": "ANN@x.io", "Title": "CFO"}, {"Email": "b@x.io"}, {"Email": "c@x.io"}])
    there = world.contact(Email="d@x.io", Phone="+1 (415) 555-0100")
    first, second = world.account.people({"email": "ann@x.io", "lastname": "Doe"}, {"email": "B@X.io"})
    world.account.people({"email": "only@hubspot.example"})

    world.cycle()

    assert (world.of(shouted)[0], world.of(quiet)[0]) == (first, second)
    assert world.of(shouted)[1]["jobtitle"] == "CFO"
    assert world.of(new)[1]["email"] == "c@x.io"
    assert world.of(there)[1]["phone"] == "+14155550100"
    assert len(world.rights()) == 5
    assert len([*world.rows("Lead"), *world.rows("Contact")]) == 4
    world.rest()


@pytest.mark.e2e
def test_twenty_cycles_at_rest_write_nothing_and_cost_few_calls(world: SyncWorld) -> None:
    people = [{"Email": f"p{n}@x.io", "Phone": "(0)30 1234", "Title": f"T{n}"} for n in range(20)]
    world.leads(people)
    world.cycle()
    world.rest(1)
    facts = world.facts()
    world.forget_calls()

    world.rest(20)

    assert world.facts() == facts
    assert world.calls()["hubspot"] == 20 * 4  # its clock, its properties, a search, the archive
    assert world.calls()["salesforce"] <= 20 * 8  # two kinds: described, queried, their deletions, who of them is left


def test_an_edit_arrives_on_the_other_side_and_so_does_one_right_after_our_own_write(world: SyncWorld) -> None:
    lead = world.lead(Email="e@x.io", Title="CFO", Status="Open - Not Contacted")
    world.cycle()
    there, _ = world.of(lead)

    world.edit_left(lead, Title="CEO", FirstName="Eve")
    world.cycle()
    arrived = world.of(lead)[1]
    world.edit_right(there, jobtitle="Founder", hs_lead_status="IN_PROGRESS")  # where our write has just gone
    world.cycle()

    assert (arrived["jobtitle"], arrived["firstname"]) == ("CEO", "Eve")
    assert (world.left(lead)["Title"], world.left(lead)["Status"]) == ("Founder", "Working - Contacted")
    world.rest()


def test_both_sides_edited_merge_field_by_field_and_the_same_field_by_its_policy(world: SyncWorld) -> None:
    lead, old = world.leads([{"Email": "m@x.io", "Title": "CFO", "FirstName": "Mo"}, {"Email": "old@x.io"}])
    world.cycle()
    there, older = world.of(lead)[0], world.of(old)[0]

    world.edit_left(lead, FirstName="Left", LastName="Changed", Phone="+32470000001")
    world.edit_right(there, firstname="Right", jobtitle="CEO", phone="+32470000002")
    world.edit_left(old, ago=timedelta(minutes=10), Phone="+32470000003")
    world.edit_right(older, phone="+32470000004")
    world.cycle()

    here, right = world.left(lead), world.of(lead)[1]
    assert (here["FirstName"], here["LastName"], here["Title"]) == ("Left", "Changed", "CEO")
    assert (right["firstname"], right["lastname"], right["jobtitle"]) == ("Left", "Changed", "CEO")
    assert here["Phone"] == right["phone"] == "+32470000001"  # of about the same time: the owner's
    assert world.left(old)["Phone"] == world.of(old)[1]["phone"] == "+32470000004"  # the newer one
    world.rest()


def test_a_field_for_review_waits_and_a_persons_choice_is_written_even_if_it_takes_two_tries(world: SyncWorld) -> None:
    lead = world.lead(Email="r@x.io", Title="CFO")
    world.cycle()
    world.edit_left(lead, Title="Left")
    world.edit_right(world.of(lead)[0], jobtitle="Right")

    waits = world.cycle()
    world.rest(1)
    [asked] = world.state.open_reviews(NAME)
    untouched = (world.left(lead)["Title"], world.of(lead)[1]["jobtitle"])
    assert world.state.choose_review(asked.review_id, Side.RIGHT, by="ann", at=world.account.now())
    world.org.fault(kind="row_failure", object="Lead", count=None)
    locked = world.cycle()
    world.org.calm()
    world.cycle()

    assert (len(waits.planned.reviews), waits.writes, untouched) == (1, 0, ("Left", "Right"))
    assert (locked.applied.tally.deferred, locked.moved) == (1, False)
    assert world.left(lead)["Title"] == world.of(lead)[1]["jobtitle"] == "Right"
    world.rest()
    assert world.state.open_reviews(NAME) == []


def test_an_opt_out_beats_an_edit_on_whichever_side_it_is_said(world: SyncWorld) -> None:
    here, there = world.leads([{"Email": "o1@x.io"}, {"Email": "o2@x.io"}])
    world.cycle()

    world.edit_left(here, HasOptedOutOfEmail=True)
    world.edit_right(world.of(here)[0], jobtitle="Edited", hs_lead_status="BAD_TIMING")
    world.account.control("POST", "opt_out", {"email": "o2@x.io"})
    world.edit_left(there, HasOptedOutOfEmail=False, Title="Edited")
    world.cycle()

    assert world.of(here)[1]["hs_email_optout"] == world.of(there)[1]["hs_email_optout"] == "true"
    assert world.left(here)["HasOptedOutOfEmail"] == world.left(there)["HasOptedOutOfEmail"] == "true"
    assert (world.left(here)["Title"], world.of(there)[1]["jobtitle"]) == ("Edited", "Edited")
    world.rest()


def test_other_spellings_of_the_same_value_start_no_ping_pong(world: SyncWorld) -> None:
    lead = world.lead(Email="Same@X.io", Phone="+32 470 00.00.01", Status="Working - Contacted", Title=" CFO ")
    world.account.people(
        {"email": "same@x.io", "phone": "0032470000001", "hs_lead_status": "CONNECTED", "jobtitle": "CFO",
         "lastname": "Doe"}
    )  # fmt: skip
    world.cycle()

    world.rest(2)
    world.edit_right(world.of(lead)[0], phone="+32-470-000001", hs_lead_status="IN_PROGRESS", email="same@x.IO")
    world.rest(2)
    world.edit_left(lead, Phone="(+32) 470000001", Email="SAME@x.io")
    world.rest(2)
    assert world.left(lead)["Phone"] == "(+32) 470000001"


def test_a_lead_and_a_contact_of_one_address_are_refused_told_and_let_go_when_corrected(world: SyncWorld) -> None:
    lead, contact = world.lead(Email="two@x.io"), world.contact(Email="Two@x.io")
    [there] = world.account.people({"email": "two@x.io"})

    refused = world.cycle()
    world.rest(2)
    held = world.open_keys()
    world.org.remove([lead])
    world.cycle()
    world.rest(2)

    assert [(r.left_ids, r.right_ids) for r in refused.planned.duplicates] == [((contact, lead), (there,))]
    assert held == {lead, contact, there}
    assert world.of(contact)[0] == there
    assert world.open_keys() == set()
