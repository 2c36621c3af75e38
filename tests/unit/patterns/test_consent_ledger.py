"""What records say about restrictions, into the ledger; and the ledger, into the plan of any two systems."""

from __future__ import annotations

from dataclasses import replace

from crm_patterns.core.changes import Action, Change, LinkEnds, Side
from crm_patterns.core.ports import Lifted, Restriction
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.comparison import RestrictingReason
from crm_patterns.patterns.consent_changes import consent_changes, restricted_creates
from crm_patterns.patterns.consent_ledger import elsewhere, readings, told
from tests.two_systems import PAIRING

BOUNCES = replace(PAIRING, reasons=(RestrictingReason(Side.RIGHT, "bounced_for", "opt_out"),))
LEFT, RIGHT = readings([BOUNCES])
AT_PARDOT = Restriction("p1@x.io", "opt_out", "pardot", "prospects", "77", "optedOut")


def lead(record_id: str = "00Q1", **values: str) -> TargetRecord:
    return TargetRecord(record_id, {"Email": "P1@x.io", **values})


def test_an_object_of_several_pairings_is_read_once() -> None:
    more = readings([BOUNCES, replace(BOUNCES, name="again")])

    assert list(more) == [LEFT, RIGHT]
    assert RIGHT.names == ("email", "opted_out", "bounced_for")


def test_a_record_restricts_lifts_or_says_nothing() -> None:
    said = {value: list(told(LEFT, lead(OptOut=value))) for value in ("1", "0", "", "perhaps")}

    assert said["1"] == [Restriction("p1@x.io", "opt_out", "salesforce", "Lead", "00Q1", "OptOut")]
    assert said["0"] == [Lifted("salesforce", "00Q1", "OptOut")]
    assert (said[""], said["perhaps"]) == ([], [])
    assert list(told(LEFT, replace(lead(OptOut="0"), is_deleted=True))) == []


def test_a_reason_why_an_address_bounced_restricts_and_a_blank_one_lifts_nothing() -> None:
    contact = TargetRecord("7", {"email": "p1@x.io", "bounced_for": "UNKNOWN_USER"})

    assert list(told(RIGHT, contact)) == [
        Restriction("p1@x.io", "opt_out", "hubspot", "contacts", "7", "bounced_for")
    ]  # fmt: skip
    assert list(told(RIGHT, replace(contact, values={"email": "p1@x.io"}))) == []


def test_a_restriction_of_a_third_system_reaches_both_and_writes_to_none_but_these() -> None:
    records = {Side.LEFT: {"00Q1": lead(OptOut="0")}, Side.RIGHT: {"7": TargetRecord("7", {"email": "p1@x.io"})}}

    changes = consent_changes(BOUNCES, records, [], others=elsewhere(BOUNCES, records, [AT_PARDOT]))

    assert sorted((c.system, c.record_id, *c.wanted.items()) for c in changes) == [
        ("hubspot", "7", ("opted_out", "true")),
        ("salesforce", "00Q1", ("OptOut", "1")),
    ]


def test_the_ledger_does_not_contradict_a_record_that_was_just_read() -> None:
    old = Restriction("p1@x.io", "opt_out", "salesforce", "Lead", "00Q1", "OptOut")
    records = {Side.LEFT: {"00Q1": lead(OptOut="0")}, Side.RIGHT: {}}

    assert elsewhere(BOUNCES, records, [old]) == []
    assert len(elsewhere(BOUNCES, {Side.LEFT: {}, Side.RIGHT: {}}, [old])) == 1


def test_a_new_record_of_a_restricted_person_is_made_restricted() -> None:
    records = {Side.LEFT: {"00Q1": lead(), "00Q2": TargetRecord("00Q2", {"Email": "p2@x.io"})}, Side.RIGHT: {}}
    creates = [
        Change("hubspot", "contacts", Action.CREATE, i, link=LinkEnds(i, "people", "Lead", i, "contacts", ""))
        for i in ("00Q1", "00Q2")
    ]

    made = restricted_creates(BOUNCES, creates, records, elsewhere(BOUNCES, records, [AT_PARDOT]))

    assert [dict(change.wanted) for change in made] == [{"opted_out": "true"}, {}]
