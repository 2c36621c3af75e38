"""Restrictions over the records of a person, of which some do not have the field at all."""

from __future__ import annotations

from crm_patterns.core.changes import Side
from crm_patterns.core.mapping import Email, Flag
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing
from crm_patterns.patterns.conflicts import FieldRule, Policy
from crm_patterns.patterns.consent_changes import consent_changes

PAIRING = Pairing(
    "people",
    End("salesforce", "Person", find_by="Email"),
    End("hubspot", "contacts", find_by="email"),
    (
        FieldPair(FieldRule("email"), FieldEnd("Email", Email()), FieldEnd("email", Email())),
        FieldPair(
            FieldRule("fax", policy=Policy.MOST_RESTRICTIVE),
            FieldEnd("HasOptedOutOfFax", Flag()),
            FieldEnd("no_fax", Flag("true", "false")),
        ),
    ),
)


def test_a_restriction_goes_to_every_record_that_can_hold_it() -> None:
    people = {
        "0031": TargetRecord("0031", {"Email": "ann@x.io", "HasOptedOutOfFax": False}),
        "00Q1": TargetRecord("00Q1", {"Email": "ann@x.io"}, lacks=frozenset({"HasOptedOutOfFax"})),
    }
    contacts = {"77": TargetRecord("77", {"email": "ann@x.io", "no_fax": "true"})}

    changes = consent_changes(PAIRING, {Side.LEFT: people, Side.RIGHT: contacts}, [])

    assert [(change.record_id, change.wanted) for change in changes] == [("0031", {"HasOptedOutOfFax": True})]
