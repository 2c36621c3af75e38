"""The people of HubSpot in the demo: imported from the org a while ago, and kept carelessly since."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import httpx

from stack.connections import stack_connections
from stack.errors import StackError
from stack.installation import HUBSPOT, SALESFORCE, Installation

Say = Callable[[str], None]
Person = dict[str, Any]

BATCH = 100
HALF = 1_500  # contacts, and as many leads
STATUS = {
    "Open - Not Contacted": "NEW",
    "Working - Contacted": "IN_PROGRESS",
    "Closed - Not Converted": "UNQUALIFIED",
}


def import_people(installation: Installation, say: Say) -> None:
    """
    Fill an empty HubSpot account with contacts and leads of the org, in another spelling here and there. The other
    platforms' stand-ins have people of the org from the beginning.

    Raises:
        StackError: one of the two did not take part.
    """
    try:
        with closing(salesforce(installation)) as org, closing(hubspot(installation)) as account:
            if account.get("/crm/v3/objects/contacts", params={"limit": 1}).raise_for_status().json()["results"]:
                return
            rows = list(_people(org))
            say(f"HubSpot is filled with {len(rows):,} people of the org, as by an import")
            for batch in _batches(rows):
                account.post("/crm/v3/objects/contacts/batch/create", json={"inputs": batch}).raise_for_status()
            account.post("/__sandbox__/index", json={}).raise_for_status()
    except (httpx.HTTPError, KeyError, ValueError) as cause:
        raise StackError(f"HubSpot could not be filled with people: {cause}") from cause


def _batches(rows: Sequence[Person]) -> Iterator[list[Person]]:
    for start in range(0, len(rows), BATCH):
        yield [{"properties": _contact(row, start + n)} for n, row in enumerate(rows[start : start + BATCH])]


def salesforce(installation: Installation) -> httpx.Client:
    """A client that is signed in to the sandbox's org, as its administrator is."""
    extra = stack_connections(installation)["salesforce_default"]["extra"]
    org = httpx.Client(base_url=installation.url(SALESFORCE), timeout=60, trust_env=False)
    pair = (extra["consumer_key"], extra["consumer_secret"])
    granted = org.post("/services/oauth2/token", data={"grant_type": "client_credentials"}, auth=pair)
    org.headers["Authorization"] = f"Bearer {granted.raise_for_status().json()['access_token']}"
    return org


def hubspot(installation: Installation) -> httpx.Client:
    """A client that is signed in to the sandbox's account. The sandbox lets it be as quick as it likes."""
    token = stack_connections(installation)["hubspot_default"]["password"]
    account = httpx.Client(base_url=installation.url(HUBSPOT), timeout=60, trust_env=False)
    account.headers["Authorization"] = f"Bearer {token}"
    account.post("/__sandbox__/limits", json={"burst": 100_000, "search_per_second": 100_000}).raise_for_status()
    return account


def query(org: httpx.Client, soql: str) -> Iterator[Person]:
    """Every row, page by page."""
    answer = org.get("/services/data/v62.0/query", params={"q": soql}).raise_for_status().json()
    while True:
        yield from answer["records"]
        if answer["done"]:
            return
        answer = org.get(answer["nextRecordsUrl"]).raise_for_status().json()


def _people(org: httpx.Client) -> Iterator[Person]:
    """Whoever alone has their mail address: duplicates are shown elsewhere."""
    fields = "Id, Email, FirstName, LastName, Title, Phone"
    seen: set[str] = set()
    for soql in (
        f"SELECT {fields} FROM Contact WHERE Email != null ORDER BY Id LIMIT {HALF}",
        f"SELECT {fields}, Status FROM Lead WHERE Email != null AND IsConverted = false ORDER BY Id LIMIT {HALF}",
    ):
        count = 0
        for row in query(org, soql):
            if row["Email"].lower() not in seen and count < HALF:
                seen.add(row["Email"].lower())
                count += 1
                yield row


def _contact(row: Person, number: int) -> Person:
    """HubSpot's properties; every tenth person is shouted, every seventh has no title there yet."""
    email = row["Email"].upper() if number % 10 == 0 else row["Email"]
    values = {
        "email": email,
        "firstname": row["FirstName"],
        "lastname": row["LastName"],
        "phone": row["Phone"],
        "jobtitle": None if number % 7 == 0 else row["Title"],
        "hs_lead_status": STATUS.get(row.get("Status") or ""),
    }
    return {name: value for name, value in values.items() if value}


REAL = ("SALESFORCE_DEFAULT", "HUBSPOT_DEFAULT", "MARKETO_DEFAULT", "PARDOT_DEFAULT")


def is_wanted() -> bool:
    """Whether the demo shows the marketing pattern: not where a connection of it leads to a real system."""
    return not any(os.environ.get(f"AIRFLOW_CONN_{name}") for name in REAL)
