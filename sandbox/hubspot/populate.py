"""Believable people and companies for a new account. The same seed, size and moment give the same records."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.hubspot.account import Account
from sandbox.hubspot.associations import UNLABELLED
from sandbox.hubspot.describing import OWNERS
from sandbox.hubspot.records import Record, Records
from sandbox.hubspot.values import LIFECYCLE

YEARS_MS = 2 * 365 * 86_400_000
QUIET_MS = 600_000
CONTACTS_PER_COMPANY = 4

FIRST = ("Ada", "Kofi", "Lena", "João", "Mei", "Søren", "Zoë", "Amara", "Dmitri", "Yuki", "Priya", "Luis", "Fatima", "Noah", "Ingrid", "Tomás", "Chloé", "Omar", "Nadia", "Björn", "Wei", "Rosa", "Ravi", "Hannah", "Emeka", "Ольга", "健太", "مريم")  # noqa: E501 # fmt: skip
LATIN = ("ada", "kofi", "lena", "joao", "mei", "soren", "zoe", "amara", "dmitri", "yuki", "priya", "luis", "fatima", "noah", "ingrid", "tomas", "chloe", "omar", "nadia", "bjorn", "wei", "rosa", "ravi", "hannah", "emeka", "olga", "kenta", "maryam")  # noqa: E501 # fmt: skip
LAST = ("Wong", "Mensah", "Fischer", "Silva", "Chen", "Larsen", "Müller", "Okafor", "Ivanov", "Tanaka", "Sharma", "García", "Haddad", "Smith", "O'Brien", "Null", "Novák", "Dubois", "Rossi", "Kowalski", "van der Berg", "Lindqvist", "Patel", "Johnson", "NA", "de la Cruz")  # noqa: E501 # fmt: skip
COMPANY = ("North", "Blue", "Iron", "Green", "Silver", "Harbor", "Summit", "Cedar", "Falcon", "Lumen", "Vertex", "Atlas", "Quartz", "Nova", "Delta", "Pioneer")  # noqa: E501 # fmt: skip
BUSINESS = ("Logistics", "Foods", "Software", "Energy", "Health", "Bank", "Motors", "Retail", "Labs", "Insurance", "Media", "Steel")  # noqa: E501 # fmt: skip
SUFFIX = ("Inc.", "GmbH", "Ltd", "S.A.", "AB", "LLC")
TITLE = ("VP Marketing", "Head of Sales", "CFO", "Data Engineer", "Office Manager", "Purchasing, EMEA", "Director \"Growth\"", "CTO", "")  # noqa: E501 # fmt: skip
PLACE = (("Boston", "MA", "02110", "United States", "+1 617 555 "), ("Hamburg", "", "20095", "Germany", "+49 40 5550 "), ("São Paulo", "SP", "01310-100", "Brazil", "+55 11 5550 "), ("Leeds", "", "LS1 4AP", "United Kingdom", "+44 113 496 "), ("Osaka", "", "530-0001", "Japan", "+81 6 5550 "))  # noqa: E501 # fmt: skip
SOURCES = ("ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS", "DIRECT_TRAFFIC", "OFFLINE")


@dataclass(frozen=True, slots=True)
class _Made:
    """A company that contacts may belong to."""

    id: int
    name: str
    domain: str


def populate(account: Account, *, size: int, seed: int) -> None:
    """Fill an account that has no contacts yet: `size` of them, and a company for every four."""
    contacts, companies = account.of("contacts"), account.of("companies")
    if contacts.by_id:
        return
    chance, now = random.Random(seed), account.clock.now_ms()
    made = list(_companies(account, companies, chance, now, max(1, size // CONTACTS_PER_COMPANY)))
    for number in range(size):
        company = chance.choice(made)
        values = _contact(chance, number, company)
        if chance.random() < 0.05:
            values.pop("email")
        record = _put(account, contacts, chance, now, values)
        pair = ("contacts", "companies")
        account.associations.add(pair[0], record.id, pair[1], company.id, 1 if chance.random() < 0.9 else UNLABELLED[pair])  # noqa: E501 # fmt: skip
        if "email" in values and chance.random() < 0.3:
            _events(account, chance, now, values["email"])
    account.engagement.in_order()
    account.keeper.commit()


def _companies(account: Account, companies: Records, chance: random.Random, now: int, count: int) -> Iterator[_Made]:
    industries = list(companies.properties["industry"].options)
    for number in range(count):
        words = f"{chance.choice(COMPANY)} {chance.choice(BUSINESS)}"
        name, domain = (
            f"{words} {number} {chance.choice(SUFFIX)}",
            f"{words.lower().replace(' ', '-')}-{number}.example",
        )
        city, state, code, country, dial = chance.choice(PLACE)
        values = {
            "name": name, "domain": domain, "website": f"https://www.{domain}", "phone": f"{dial}{number % 10000:04d}",
            "city": city, "state": state, "zip": code, "country": country, "industry": chance.choice(industries),
            "numberofemployees": str(chance.randrange(1, 20_000)),
            "annualrevenue": str(chance.randrange(1, 900) * 100_000),
            "lifecyclestage": chance.choice(LIFECYCLE), "hubspot_owner_id": chance.choice(OWNERS)[0],
        }  # fmt: skip
        record = _put(account, companies, chance, now, values)
        yield _Made(record.id, name, domain)


def _contact(chance: random.Random, number: int, company: _Made) -> dict[str, str]:
    who = chance.randrange(len(FIRST))
    last = chance.choice(LAST)
    city, state, code, country, dial = chance.choice(PLACE)
    local = last.lower().replace(" ", "").replace("'", "").encode("ascii", "ignore").decode()
    values = {
        "email": f"{LATIN[who]}.{local}.{number}@{company.domain}", "firstname": FIRST[who], "lastname": last,
        "company": company.name, "jobtitle": chance.choice(TITLE), "phone": f"{dial}{number % 10000:04d}",
        "city": city, "state": state, "zip": code, "country": country, "lifecyclestage": chance.choice(LIFECYCLE),
        "hubspot_owner_id": chance.choice(OWNERS)[0], "hs_analytics_source": chance.choice(SOURCES),
        "hs_lead_status": chance.choice(("NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "UNQUALIFIED", "BAD_TIMING")),
        "hubspotscore": str(chance.randrange(100)),
    }  # fmt: skip
    if number % 17 == 0:
        values["message"] = 'He said: "call me", then\nhung up; twice.'
    if number % 23 == 0:
        values["hs_email_hard_bounce_reason_enum"] = "UNKNOWN_USER"
    return values


def _put(account: Account, records: Records, chance: random.Random, now: int, values: dict[str, str]) -> Record:
    created = now - QUIET_MS - chance.randrange(YEARS_MS)
    updated = created + chance.randrange(max(1, now - QUIET_MS - created))
    if chance.random() < 0.1:
        updated -= updated % 1000  # stamps of bulk edits tie
    kept = {name: value for name, value in values.items() if value}
    archived = updated if chance.random() < 0.01 else None
    record = Record(records.highest_id + 1 + chance.randrange(3), created, max(created, updated), kept, archived)
    account.put(records, record, indexed=True)
    return record


def _events(account: Account, chance: random.Random, now: int, email: str) -> None:
    sent = now - QUIET_MS - chance.randrange(90 * 86_400_000)
    campaign = chance.choice((70_001, 70_002, 70_003))
    for step, kind in enumerate(("SENT", "DELIVERED", "OPEN", "CLICK")[: chance.randrange(2, 5)]):
        account.engagement.happened({
            "id": f"{chance.getrandbits(64):016x}", "created": sent + step * 61_000, "type": kind, "recipient": email,
            "appId": 113, "portalId": account.credentials.portal_id, "emailCampaignId": campaign,
        })  # fmt: skip
