"""What the target would refuse is refused here, with the reason and what is allowed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.targets import TargetDescription, TargetField
from crm_patterns.core.values import Value
from crm_patterns.patterns.preflight import check, problems

CONTACT = TargetDescription(
    "Contact",
    (
        TargetField("LastName", FieldKind.TEXT, length=5, required=True),
        TargetField("Score__c", FieldKind.INTEGER, precision=3, scale=0),
        TargetField("Amount__c", FieldKind.DECIMAL, precision=5, scale=2),
        TargetField("Birthdate", FieldKind.DATE),
        TargetField("OptOut", FieldKind.BOOLEAN),
        TargetField("Level__c", FieldKind.TEXT, values=("A", "B"), values_restricted=True),
        TargetField("Tags__c", FieldKind.TEXT, values=("A", "B"), values_restricted=True, multiple=True),
        TargetField("Hint__c", FieldKind.TEXT, values=("A",)),
        TargetField("Formula__c", FieldKind.TEXT, creatable=False, updatable=False),
    ),
    deletable=False,
)


def update(rule: str = "owner_wins", **values: Value) -> Change:
    fields = tuple(FieldChange(name, None, value, rule=rule) for name, value in values.items())
    return Change("salesforce", "Contact", Action.UPDATE, "1", "1", fields)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"LastName": "Ümläu"}, ""),
        ({"lastname": "Ann"}, ""),  # names are compared without regard to case
        ({"LastName": "toolong"}, "length"),
        ({"LastName": " "}, "required"),
        ({"Score__c": 999}, ""),
        ({"Score__c": 1_000}, "range"),
        ({"Score__c": Decimal("1.0")}, ""),
        ({"Score__c": Decimal("1.5")}, "type"),
        ({"Score__c": True}, "type"),
        ({"Amount__c": Decimal("999.999")}, ""),
        ({"Amount__c": Decimal("-1000")}, "range"),
        ({"Birthdate": date(2000, 1, 1)}, ""),
        ({"Birthdate": datetime(2000, 1, 1, tzinfo=UTC)}, "type"),
        ({"OptOut": "true"}, "type"),
        ({"Level__c": "C"}, "picklist"),
        ({"Level__c": None}, ""),
        ({"Tags__c": "A;B"}, ""),
        ({"Tags__c": "A;C"}, "picklist"),
        ({"Hint__c": "anything"}, ""),
        ({"Formula__c": "x"}, "field_permission"),
        ({"Gone__c": "x"}, "unknown_field"),
    ],
)
def test_each_value_is_held_against_the_description(values: dict[str, Value], rule: str) -> None:
    found = next(problems(update(**values), CONTACT), None)

    assert (found.rule if found else "") == rule


def test_a_create_needs_what_is_required_and_a_delete_the_permission() -> None:
    nameless = Change("salesforce", "Contact", Action.CREATE, "k", fields=(FieldChange("Score__c", None, 1),))
    gone = Change("salesforce", "Contact", Action.DELETE, "1", "1")

    accepted, refused = check([nameless, gone], CONTACT)

    assert accepted == []
    assert [(r.rule, r.field_name) for r in refused] == [("required", "LastName"), ("object_permission", "")]
    assert "may not delete Contact" in refused[1].reason


def test_a_refusal_names_what_is_allowed_and_costs_the_others_nothing() -> None:
    good, bad = update(Level__c="A"), Change("s", "Contact", Action.UPDATE, "2", "2", update(Level__c="C").fields)

    accepted, refused = check([good, bad], CONTACT)

    assert accepted == [good]
    assert refused[0].allowed == ("A", "B")
    assert refused[0].reason == "Level__c does not know 'C'. It may be: A, B."


def test_a_restriction_is_written_although_its_record_is_refused() -> None:
    mixed = Change(
        "s", "Contact", Action.UPDATE, "1", "1",
        (*update(LastName="far too long").fields, *update("most_restrictive", OptOut=True).fields),
    )  # fmt: skip

    accepted, refused = check([mixed], CONTACT)

    assert [dict(change.wanted) for change in accepted] == [{"OptOut": True}]
    assert [r.rule for r in refused] == ["length"]


def test_a_create_goes_without_what_a_new_record_does_not_have() -> None:
    about = TargetDescription(
        "Person",
        (TargetField("LastName", FieldKind.TEXT, required=True), TargetField("Birthdate", FieldKind.DATE)),
        not_on_new=frozenset({"Birthdate"}),
    )
    fields = (FieldChange("LastName", None, "Doe"), FieldChange("Birthdate", None, date(1980, 1, 1)))
    new = Change("crm", "Person", Action.CREATE, "77", fields=fields)
    old = Change("crm", "Person", Action.UPDATE, "0031", "0031", fields=fields[1:])

    [accepted], refused = check([new], about)
    [updated], _ = check([old], about)

    assert (accepted.wanted, refused) == ({"LastName": "Doe"}, [])
    assert updated == old
