"""What of a plan goes on where records or changes break a rule: whole changes, and restrictions always."""

from __future__ import annotations

from crm_patterns.core.changes import Action, Change, ChangeSet, FieldChange, LinkEnds, Side
from crm_patterns.patterns.conflicts import Policy
from crm_patterns.patterns.taking_out import BrokenRule, take_out
from tests.two_systems import PAIRING

TITLE = FieldChange("jobtitle", "CFO", "CEO", rule=Policy.OWNER_WINS)
OPT_OUT = FieldChange("opted_out", None, "true", rule=Policy.MOST_RESTRICTIVE)


def update(number: int, *fields: FieldChange) -> Change:
    link = LinkEnds(f"link{number}", "people", "Lead", f"00Q{number}", "contacts", f"{number}")
    return Change("hubspot", "contacts", Action.UPDATE, f"{number}", f"{number}", fields, link=link)


def broken(side: Side | None, key: str, column: str = "email") -> BrokenRule:
    return BrokenRule(side, key, "form", column, "It is none.")


def test_what_a_bad_record_would_pass_on_is_taken_out_and_the_others_go_on() -> None:
    plan = ChangeSet.of([update(1, TITLE), update(2, TITLE)])

    checked = take_out(PAIRING, plan, [broken(Side.LEFT, "00Q1"), broken(Side.RIGHT, "9")])

    assert [change.key for change in checked.changes] == ["2"]
    assert [(change.key, rule.key) for change, rule in checked.taken_out] == [("1", "00Q1")]


def test_a_restriction_goes_on_though_its_record_is_set_aside() -> None:
    both, alone = update(1, TITLE, OPT_OUT), update(2, OPT_OUT)

    checked = take_out(PAIRING, ChangeSet.of([both, alone]), [broken(Side.RIGHT, "1"), broken(Side.RIGHT, "2")])

    assert [change.fields for change in checked.changes] == [(OPT_OUT,), (OPT_OUT,)]
    assert [change.key for change, _ in checked.taken_out] == ["1"]


def test_a_restriction_that_itself_breaks_the_rule_does_not_go_on() -> None:
    plan = update(1, TITLE, OPT_OUT)

    checked = take_out(PAIRING, ChangeSet.of([plan]), [broken(None, plan.change_id, "to_hubspot_opted_out")])

    assert len(checked.changes) == 0
    assert [change.key for change, _ in checked.taken_out] == ["1"]


def test_a_new_record_is_not_made_of_its_restrictions_alone() -> None:
    link = LinkEnds("new", "people", "Lead", "00Q1", "contacts", "")
    create = Change("hubspot", "contacts", Action.CREATE, "00Q1", fields=(TITLE, OPT_OUT), link=link)

    checked = take_out(PAIRING, ChangeSet.of([create]), [broken(Side.LEFT, "00Q1")])

    assert len(checked.changes) == 0
