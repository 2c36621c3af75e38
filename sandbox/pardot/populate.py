"""Prospects for a new unit: mostly people of the Salesforce org. The same org, size and seed give the same people."""

import random
from typing import Any

from sandbox.pardot.kinds import KINDS
from sandbox.pardot.tokens import SalesforceSignIn
from sandbox.pardot.unit import Record, Unit

QUIET_S, DAYS_S = 600, 700 * 86_400
CUSTOM = (
    ("Record Id 18", "SF_Record_Id", "Text"), ("Lead Status", "Lead_Status", "Dropdown"), ("Seats", "Seats", "Number"),
    ("Renewal", "Renewal", "Date"), ("Interests", "Interests", "Multi-Select"), ("Notes", "Notes", "Textarea"),
)  # fmt: skip
LISTS = ("Newsletter", "Customers, EMEA", "Webinar guests")
ACTIVITIES = ((6, "Email Sent"), (11, "Email Open"), (1, "Click"), (4, "Success"), (25, "Registered"), (24, "Attended"),
              (13, "Bounced"), (20, "Visit"))  # fmt: skip
OWN = ("Ada", "Kofi", "Lena", "João", "Mei", "Søren", "Zoë", "Ольга", "健太", "مريم")

_CONTACTS = (
    "SELECT Id, FirstName, LastName, Email, Title, Phone, MailingStreet, MailingCity, MailingPostalCode, "
    "MailingCountry, HasOptedOutOfEmail, DoNotCall, AccountId, OwnerId FROM Contact "
    "WHERE Email != null ORDER BY Id LIMIT "
)
_LEADS = (
    "SELECT Id, FirstName, LastName, Email, Title, Phone, Company, Street, City, PostalCode, Country, LeadSource, "
    "HasOptedOutOfEmail, OwnerId FROM Lead WHERE Email != null AND IsConverted = false ORDER BY Id LIMIT "
)
Row = dict[str, Any]


def populate(unit: Unit, sign_in: SalesforceSignIn, *, size: int, seed: int) -> None:
    """Fill a unit that has no custom fields yet: `size` prospects, half contacts, a third leads, the others its own."""
    if unit.records["custom-fields"]:
        return
    chance, now = random.Random(seed), unit.now()
    stamps = {"createdAt": now - DAYS_S, "updatedAt": now - DAYS_S}
    for number, (name, field_id, kind) in enumerate(CUSTOM):
        unit.put("custom-fields", {"id": 301 + number, "name": name, "fieldId": field_id, "type": kind} | stamps)
    for number, name in enumerate(LISTS):
        unit.put("lists", {"id": 501 + number, "name": name, "title": name, "isPublic": False} | stamps)
    for number, row in enumerate(sign_in.query("SELECT Id, Name FROM Campaign ORDER BY Id LIMIT 12")):
        unit.put("campaigns", {"id": 701 + number, "name": row["Name"], "salesforceId": row["Id"]} | stamps)
    unit.put("campaigns", {"id": 799, "name": "Website Tracking", "salesforceId": None} | stamps)
    people = [_from_contact(row) for row in sign_in.query(_CONTACTS + str(max(1, size // 2)))][: size // 2]
    people += [_from_lead(row) for row in sign_in.query(_LEADS + str(max(1, size // 3)))][: size // 3]
    people += [_own(chance, number) for number in range(size - len(people))]
    for values in people:
        _put(unit, chance, now, values)
    unit.keeper.commit()


def _from_contact(row: Row) -> Record:
    return _person(row) | {
        "salesforceId": row["Id"], "salesforceContactId": row["Id"], "salesforceAccountId": row["AccountId"],
        "addressOne": row["MailingStreet"], "city": row["MailingCity"], "zip": row["MailingPostalCode"],
        "country": row["MailingCountry"], "isDoNotCall": row["DoNotCall"], "SF_Record_Id__c": row["Id"],
    }  # fmt: skip


def _from_lead(row: Row) -> Record:
    return _person(row) | {
        "salesforceId": row["Id"], "salesforceLeadId": row["Id"], "company": row["Company"],
        "source": row["LeadSource"], "addressOne": row["Street"],
        "city": row["City"], "zip": row["PostalCode"], "country": row["Country"],
        "SF_Record_Id__c": row["Id"],
    }  # fmt: skip


def _person(row: Row) -> Record:
    return {
        "email": row["Email"], "firstName": row["FirstName"], "lastName": row["LastName"], "jobTitle": row["Title"],
        "phone": row["Phone"], "salesforceOwnerId": row["OwnerId"], "optedOut": row["HasOptedOutOfEmail"],
    }  # fmt: skip


def _own(chance: random.Random, number: int) -> Record:
    """Every seventh has the address of the one before it."""
    who = number - 1 if number % 7 == 6 else number
    return {
        "email": f"own{who}@prospects.example", "firstName": chance.choice(OWN), "lastName": f"Own {number}",
        "company": f"Own, “{number % 5}” GmbH",
        "comments": 'He said: "call me", then\nhung up.' if number % 3 else None,
        "isDoNotEmail": number % 5 == 4,
    }  # fmt: skip


def _put(unit: Unit, chance: random.Random, now: int, values: Record) -> None:
    created = now - QUIET_S - chance.randrange(DAYS_S)
    updated = created + chance.randrange(max(1, now - QUIET_S - created))
    if chance.random() < 0.1:
        updated = max(created, updated - updated % 3600)  # stamps of bulk edits tie
    kept = {name: value for name, value in values.items() if value not in (None, "")}
    campaign = chance.choice(sorted(unit.records["campaigns"]))
    record_id = unit.next_id("prospects") + chance.randrange(3)
    record = {"id": record_id, "campaignId": campaign, "score": chance.randrange(200), "createdAt": created,
              "updatedAt": updated, "isDeleted": chance.random() < 0.02, **kept}  # fmt: skip
    if chance.random() < 0.4:
        for step in range(chance.randrange(1, 4)):
            at = created + step * 61
            happened(unit, record_id, campaign, chance.choice(ACTIVITIES), at)
            record |= {"lastActivityAt": at, "firstActivityAt": created}
    unit.put("prospects", record)
    if chance.random() < 0.3:
        made = unit.next_id("list-memberships")
        member = {"id": made, "listId": chance.choice(sorted(unit.records["lists"])), "prospectId": record_id}
        unit.put("list-memberships", member | {"optedOut": False, "createdAt": created, "updatedAt": created})


def happened(unit: Unit, prospect_id: int, campaign_id: int | None, what: tuple[int, str], at: int) -> Record:
    """An activity of a prospect."""
    record = dict.fromkeys(KINDS["visitor-activities"].fields)
    record |= {"id": unit.next_id("visitor-activities"), "type": what[0], "typeName": what[1],
               "prospectId": prospect_id, "campaignId": campaign_id, "createdAt": at, "updatedAt": at}  # fmt: skip
    return unit.put("visitor-activities", record)
