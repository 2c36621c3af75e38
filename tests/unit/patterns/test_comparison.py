"""A pair of records, field by field, in each side's own words."""

from __future__ import annotations

from crm_patterns.core.changes import Action, Agreement, Change, LinkEnds, Side
from crm_patterns.core.mapping import DialingRules, Email, Flag, Phone, Picklist
from crm_patterns.core.reviews import Review
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import Value, print_of
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing, PairPlan, compare, create
from crm_patterns.patterns.conflicts import FieldRule, Flow, Policy

STATUS = Picklist((("Open - Not Contacted", "open"), ("Working - Contacted", "working")))
HS_STATUS = Picklist((("NEW", "open"), ("OPEN", "open"), ("IN_PROGRESS", "working")))
OWNED = {"policy": Policy.OWNER_WINS, "owner": Side.LEFT}
PAIRING = Pairing(
    "people",
    End("salesforce", "Lead"),
    End("hubspot", "contacts", own_key="sf_id", find_by="email"),
    (
        FieldPair(FieldRule("email", **OWNED), FieldEnd("Email", Email()), FieldEnd("email", Email())),
        FieldPair(
            FieldRule("phone", **OWNED), FieldEnd("Phone", Phone(DialingRules("49", "0"))), FieldEnd("phone", Phone())
        ),
        FieldPair(FieldRule("status", **OWNED), FieldEnd("Status", STATUS), FieldEnd("hs_lead_status", HS_STATUS)),
        FieldPair(
            FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE),
            FieldEnd("HasOptedOutOfEmail", Flag()),
            FieldEnd("opted_out", Flag("true", "false")),
        ),
        FieldPair(FieldRule("score", flow=Flow.RIGHT_TO_LEFT), FieldEnd("Score__c"), FieldEnd("score")),
    ),
)
LINK = LinkEnds("link1", "people", "Lead", "00Q1", "contacts", "77")
LEFT = {"Email": "Ann@X.io", "Phone": "030 1234567", "Status": "Open - Not Contacted", "HasOptedOutOfEmail": False}
RIGHT = {
    "email": "ann@x.io",
    "phone": "+49 30 123-4567",
    "hs_lead_status": "OPEN",
    "opted_out": "false",
    "sf_id": "00Q1",
}


def pair(left: dict[str, object], right: dict[str, object], **more: object) -> PairPlan:
    agreed: dict[str, Agreement] = more.pop("agreed", {})  # type: ignore[assignment]
    left_record = TargetRecord("00Q1", {**LEFT, **left})  # type: ignore[dict-item]
    right_record = TargetRecord("77", {**RIGHT, **right})  # type: ignore[dict-item]
    return compare(PAIRING, LINK, left_record, right_record, agreed=agreed, **more)  # type: ignore[arg-type]


def agreements(plan: PairPlan) -> dict[str, Agreement]:
    return {f.agreed_name: f.agreement for c in plan.changes for f in c.fields if f.agreement}


def only(plan: PairPlan, action: Action = Action.UPDATE) -> Change:
    [change] = [change for change in plan.changes if change.action is action]
    return change


def test_what_means_the_same_is_agreed_once_and_then_never_again() -> None:
    first = pair({}, {}, is_new=True)
    again = pair({}, {}, agreed=agreements(first))

    assert [c.action for c in first.changes] == [Action.LINK]
    assert set(agreements(first)) == {"email", "phone", "status", "opt_out"}
    assert again.changes == ()


def test_only_fields_that_differ_are_written_each_to_its_side_in_its_words() -> None:
    known = agreements(pair({}, {}))

    plan = pair({"Status": "Working - Contacted"}, {"score": "80"}, agreed=known)

    to_left, to_right = plan.changes
    assert (to_left.system, to_left.record_id, dict(to_left.wanted)) == ("salesforce", "00Q1", {"Score__c": "80"})
    assert (to_right.system, dict(to_right.wanted)) == ("hubspot", {"hs_lead_status": "IN_PROGRESS"})
    [field] = to_right.fields
    assert (field.before, field.reason, field.rule) == ("OPEN", "salesforce was edited", "owner_wins")
    assert to_right.lookup == ("sf_id", "00Q1")


def test_a_value_that_is_not_mapped_stops_the_pair_but_not_its_restrictions() -> None:
    plan = pair({"Status": "Nurture", "Phone": "1"}, {"opted_out": "true"})

    assert dict(only(plan).wanted) == {"HasOptedOutOfEmail": True}
    assert plan.problems[0].allowed == ("Open - Not Contacted", "Working - Contacted")
    assert "Status is 'Nurture', which is not mapped" in plan.problems[0].reason


def test_a_choice_of_a_person_holds_as_long_as_both_sides_hold_what_they_saw() -> None:
    undecided = Pairing("p", PAIRING.left, PAIRING.right, (FieldPair(FieldRule("t"), FieldEnd("T"), FieldEnd("t")),))
    left, right = TargetRecord("00Q1", {"T": "x"}), TargetRecord("77", {"t": "y", "sf_id": "00Q1"})
    [asked] = compare(undecided, LINK, left, right, agreed={}).reviews

    def chosen(review: Review) -> Side | None:
        return Side.RIGHT if review.review_id == asked.review_id else None

    decided = compare(undecided, LINK, left, right, agreed={}, chosen=chosen)
    moved_on = compare(undecided, LINK, left, TargetRecord("77", {"t": "z", "sf_id": "00Q1"}), agreed={}, chosen=chosen)

    assert dict(only(decided).wanted) == {"T": "y"}
    assert [f.reason for f in only(decided).fields] == ["a person chose hubspot"]
    assert (moved_on.changes, len(moved_on.reviews)) == ((), 1)


def test_a_record_that_names_no_or_another_counterpart_is_given_the_right_one() -> None:
    for held in (None, "00Q0"):
        [field] = only(pair({}, {"sf_id": held})).fields
        assert (field.name, field.before, field.after) == ("sf_id", held, "00Q1")


def test_a_new_record_gets_what_flows_there_and_the_key_to_find_it_by() -> None:
    new = LinkEnds("link2", "people", "Lead", "00Q2", "contacts", "")

    plan = create(PAIRING, Side.RIGHT, TargetRecord("00Q2", {**LEFT, "Score__c": "9"}), link=new)

    change = only(plan, Action.CREATE)
    assert dict(change.wanted) == {
        "email": "ann@x.io", "phone": "+49301234567", "hs_lead_status": "NEW", "sf_id": "00Q2",
    }  # fmt: skip
    assert (change.key, change.lookup) == ("00Q2", ("sf_id", "00Q2"))
    assert create(PAIRING, Side.RIGHT, TargetRecord("00Q2", {"Status": "?"}), link=new).changes == ()


def test_a_field_that_one_record_does_not_have_is_left_as_it_is_on_the_other() -> None:
    link = LinkEnds("link1", "people", "Person", "0031", "contacts", "77")
    left_values: dict[str, Value] = {name: value for name, value in LEFT.items() if name != "Status"}
    contact = TargetRecord("0031", left_values, lacks=frozenset({"Status"}))
    right = TargetRecord("77", {**RIGHT, "sf_id": "0031"})

    agreed = {"status": Agreement(print_of("open"), print_of("open"))}

    lacking = compare(PAIRING, link, contact, right, agreed=agreed)
    blank = compare(PAIRING, link, TargetRecord("0031", left_values), right, agreed=agreed)

    assert "status" not in agreements(lacking)
    assert [f.name for c in lacking.changes for f in c.fields if f.name == "hs_lead_status"] == []
    assert [f.after for c in blank.changes for f in c.fields if f.name == "hs_lead_status"] == [None]


def test_a_record_that_has_no_field_for_its_counterpart_is_not_told_of_it() -> None:
    nameless = TargetRecord("77", {k: v for k, v in RIGHT.items() if k != "sf_id"}, lacks=frozenset({"sf_id"}))

    plan = compare(PAIRING, LINK, TargetRecord("00Q1", LEFT), nameless, agreed={})

    assert [c.action for c in plan.changes] == [Action.LINK]


def test_a_restriction_is_said_to_a_new_record_and_its_absence_is_not() -> None:
    new = LinkEnds("link2", "people", "Lead", "00Q2", "contacts", "")

    for held, said in ((True, {"opted_out": "true"}), (False, {})):
        plan = create(PAIRING, Side.RIGHT, TargetRecord("00Q2", {"HasOptedOutOfEmail": held}), link=new)
        assert {k: v for k, v in only(plan, Action.CREATE).wanted.items() if k == "opted_out"} == said
