"""What goes wrong on either system, and what both stores hold afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_patterns.core.changes import Action, Side
from crm_patterns.core.errors import OutOfBudget
from crm_patterns.core.ports import RunKey
from tests.conformance.sync_world import NAME, TRANSLATIONS, SyncWorld

EQUAL = 25_000


def test_a_contact_that_search_does_not_know_is_not_made_twice_after_its_create_timed_out(world: SyncWorld) -> None:
    world.account.control("POST", "settings", {"index_lag_s": 60})
    lead = world.lead(Email="unseen@x.io")
    for path in ("batch/upsert", "batch/read", "batch/read"):
        world.account.fault(kind="lost_reply", path=path)

    world.cycle()
    world.cycle()

    assert [p["sf_record_id_18"] for p in world.rights().values()] == [lead]
    world.account.wait(61)
    world.rest()
    assert len(world.rights()) == 1


def test_a_lead_that_is_converted_between_plan_and_apply_keeps_its_contact(world: SyncWorld) -> None:
    known, new = world.leads([{"Email": "known@x.io"}, {"Email": "new@x.io"}])
    world.org.control("POST", "hard_delete", {"ids": [new]})
    world.cycle()
    new = world.lead(Email="new@x.io")
    world.edit_left(known, Title="CEO")
    became: dict[str, str] = {}

    world.cycle(planned=lambda: became.update({lead: world.org.convert(lead) for lead in (known, new)}))
    world.edit_left(became[known], FirstName="Kim")
    world.cycle()
    world.rest()

    assert len(world.rights()) == 2
    assert world.of(became[known])[1]["jobtitle"] == "CEO"
    assert world.of(became[known])[1]["firstname"] == "Kim"
    assert world.of(became[new])[1]["email"] == "new@x.io"
    world.edit_right(world.of(became[new])[0], jobtitle="CTO")
    world.cycle()
    assert world.left(became[new])["Title"] == "CTO"


def test_a_merge_on_either_side_makes_nobody_anew_and_leaves_one_link_each(world: SyncWorld) -> None:
    a, b, c, d = world.leads([{"Email": f"{n}@x.io", "Title": n} for n in "abcd"])
    world.cycle()
    there = {lead: world.of(lead)[0] for lead in (a, b, c, d)}

    world.org.merge(a, b)
    world.account.control("POST", "merge", {"object": "contacts", "winner": there[c], "loser": there[d]})
    world.cycle()
    after = world.cycle()
    written = world.written()
    again = world.cycle()

    links = world.state.links(NAME, Side.LEFT, [a, b, c, d])
    assert {left: link.right_id for left, link in links.items()} == {a: there[a], c: there[c]}
    assert world.rights().keys() == {there[a], there[b], there[c]}
    assert world.open_keys() == {d}  # its address belongs to the contact of another lead: a person has to look
    assert [(change.key, change.action) for change in after.changes.writes] == [(d, Action.CREATE)]
    assert [o.rule for o in again.applied.outcomes.values() if not o.is_accepted] == ["CONFLICT"]
    assert world.written() == written  # told once more, and not sent again
    world.edit_left(a, Title="A")
    world.edit_right(there[c], jobtitle="C")
    world.cycle()
    assert (world.of(a)[1]["jobtitle"], world.left(c)["Title"]) == ("A", "C")


@pytest.mark.e2e
def test_three_unmapped_values_of_500_cost_nothing_and_are_written_once_they_are_mapped(world: SyncWorld) -> None:
    bad = {3, 250, 499}
    ids = world.leads([{"Email": f"n{n}@x.io", "Status": "Nurture" if n in bad else None} for n in range(500)])
    strange = {ids[n] for n in bad}

    first = world.cycle()
    named = {p["sf_record_id_18"] for p in world.rights().values()}
    second = world.cycle()
    table = TRANSLATIONS.model_dump()
    table["tables"]["lead_status"]["systems"]["salesforce"]["values"]["open"].append("Nurture")
    world.translate(type(TRANSLATIONS).model_validate(table))
    third = world.cycle()

    assert (first.applied.tally.created, len(first.planned.problems), second.writes) == (497, 3, 0)
    assert named == set(ids) - strange
    assert {change.key for change in third.changes.writes} == strange
    assert {p["sf_record_id_18"] for p in world.rights().values()} == set(ids)
    world.rest(2)
    assert world.open_keys() == set()


def test_storms_of_429_without_retry_after_and_a_spent_day_lose_nothing(world: SyncWorld) -> None:
    leads = world.leads([{"Email": f"s{n}@x.io"} for n in range(150)])
    world.account.fault(preset="ten_secondly_limit", count=5)
    world.org.fault(preset="too_many_requests", count=3)
    world.cycle()
    marks = world.watermarks()
    answers = world.org.rest(
        "PATCH",
        "composite/sobjects",
        {"allOrNone": True, "records": [{"attributes": {"type": "Lead"}, "id": i, "Title": "New"} for i in leads]},
    )
    assert all(answer["success"] for answer in answers)

    world.account.wait(1)
    with pytest.raises(OutOfBudget):  # half of it is written, and cannot be read back today
        world.cycle(planned=lambda: world.account.control("POST", "limits", {"remaining_today": 3}))
    between = [p.get("jobtitle") for p in world.rights().values()].count("New")
    with pytest.raises(OutOfBudget):
        world.cycle()
    stayed = world.watermarks()
    world.account.wait(timedelta(days=1).total_seconds())
    world.cycle()

    assert (between, stayed) == (100, marks)
    assert [p.get("jobtitle") for p in world.rights().values()] == ["New"] * 150
    world.rest(2)


def test_a_record_that_met_a_locked_row_is_written_by_the_next_cycle(world: SyncWorld) -> None:
    lead = world.lead(Email="lock@x.io")
    world.cycle()
    world.edit_right(world.of(lead)[0], jobtitle="Locked")
    world.org.fault(kind="row_failure", object="Lead", count=None)

    marks = world.watermarks()
    locked = world.cycle()
    stayed = world.watermarks()
    world.org.calm()
    world.cycle()

    assert (locked.applied.tally.deferred, locked.moved, stayed) == (1, False, marks)
    assert world.left(lead)["Title"] == "Locked"
    world.rest()


@pytest.mark.e2e
def test_records_of_one_stamp_beyond_what_a_search_reaches_are_all_seen(world: SyncWorld) -> None:
    leads = world.leads([{"Email": f"t{n}@x.io", "Title": "Old"} for n in range(3)])
    world.cycle()
    there = [world.of(lead)[0] for lead in leads]
    world.account.people(*({"lastname": "Crowd"} for _ in range(EQUAL - 3)))
    for each in there:
        world.edit_right(each, jobtitle="New")
    stamp = world.account.now().replace(microsecond=0) - timedelta(seconds=5)
    world.account.control("POST", "touch", {"object": "contacts", "count": EQUAL, "at": stamp.isoformat()})
    world.forget_calls()

    lived = world.cycle()

    assert lived.planned.read[Side.RIGHT] == EQUAL
    assert [world.left(lead)["Title"] for lead in leads] == ["New"] * 3
    assert world.calls()["hubspot"] < EQUAL / 200 + 15


def test_deliveries_by_id_repeated_and_late_write_what_windows_would_and_nothing_twice(world: SyncWorld) -> None:
    one, two = world.leads([{"Email": "i1@x.io"}, {"Email": "i2@x.io"}])
    world.cycle(ids=[two])
    world.cycle(ids=[one, two])
    run = RunKey("crm_marketing_sync", "delivered")
    world.edit_left(one, Title="CEO")
    world.edit_right(world.of(two)[0], jobtitle="CTO")
    marks = world.watermarks()

    world.cycle(ids=[one, world.of(two)[0]], run=run)
    before = world.written()
    world.cycle(ids=[one, world.of(two)[0]], run=run)
    world.cycle(ids=[two, world.of(one)[0]])

    assert (world.written(), marks) == (before, [None, None])
    assert (world.of(one)[1]["jobtitle"], world.left(two)["Title"]) == ("CEO", "CTO")
    world.cycle()
    world.rest()
