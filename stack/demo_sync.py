"""The demo's second part: Salesforce and HubSpot kept in step, while people edit on both sides.

What it tells is looked up in both systems afterwards, as a person would; the runs' own word is not taken for it.
"""

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from stack.airflow_api import AirflowApi
from stack.demo_run import DemoRun
from stack.errors import StackError
from stack.installation import Installation
from stack.marketing_people import hubspot, import_people, query, salesforce
from stack.run_progress import RunView

SYNC = "crm_marketing_sync"
APPROVE = "Approve"
READS_FOR_S = 5.0  # an answer in the second of the question would meet an executor that has not heard of it
SEEN_AFTER_S = 4.0  # more than the local stack's lag_s and the time that HubSpot's search takes
PROPERTIES = "firstname,jobtitle,phone,hs_email_optout,sf_record_id_18"
SALESFORCE_WRITES = [
    re.compile(mark) for mark in ("PATCH .*/composite/sobjects.*", "POST .*/composite/sobjects/?", "POST .*/ingest/?")
]
HUBSPOT_WRITES = [re.compile("POST .*/batch/(create|update|upsert|archive)"), re.compile("POST .*/unsubscribe.*")]

Say = Callable[[str], None]
Run = Callable[[str], DemoRun]
Person = dict[str, Any]


@dataclass
class SyncStory:
    """The runs in their order, what was seen in both systems (topic, sentence), and what is not as it should be."""

    runs: list[DemoRun] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def check(self, topic: str, sentence: str, *, holds: bool) -> None:
        self.seen.append((topic, sentence))
        if not holds:
            self.wrong.append(f"{topic}: that was expected, and is not so: {sentence}")


@dataclass(frozen=True, slots=True)
class Edited:
    """Four linked people, (id in Salesforce, id in HubSpot), and what was edited about each."""

    by_sales: tuple[str, str]
    by_marketing: tuple[str, str]
    by_both: tuple[str, str]
    opted_out: tuple[str, str]
    stamp: str


def tell_sync(installation: Installation, run: Run, say: Say) -> SyncStory:
    """First load, edits on both sides, an idle run.

    Raises:
        StackError: a system or Airflow did not take part.
    """
    story = SyncStory()
    import_people(installation, say)
    try:
        with closing(salesforce(installation)) as org, closing(hubspot(installation)) as account:
            for topic in ("first load", "edits", "at rest"):
                edited = _edit(org, account, say) if topic == "edits" else None
                _forget_writes(org, account)
                done = run(SYNC)
                story.runs.append(done)
                if not done.is_success:
                    return story
                _look(story, topic, org, account, edited)
    except (httpx.HTTPError, KeyError, ValueError, StopIteration) as cause:
        raise StackError(f"The marketing part of the demo could not go on: {cause!r}") from cause
    return story


class Approver:
    """A person who answers what a run asks under Required Actions, some seconds after it was asked."""

    def __init__(self, api: AirflowApi, dag_id: str, run_id: str, say: Say) -> None:
        self.api, self.say = api, say
        self.tasks = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances"
        self.asked_at: dict[str, float] = {}
        self.answered: set[str] = set()

    def attend(self, view: RunView) -> None:
        for task_id, state in view.tasks.items():
            if state != "awaiting_input" or task_id in self.answered:
                continue
            asked_at = self.asked_at.setdefault(task_id, time.monotonic())
            if time.monotonic() - asked_at >= READS_FOR_S:
                self._approve(task_id)

    def _approve(self, task_id: str) -> None:
        details = f"{self.tasks}/{task_id}/-1/hitlDetails"
        asked = self.api.find(details) or {}
        self.say(f"a person is asked: {asked.get('subject')}")
        self.api.answer(details, [APPROVE])
        self.answered.add(task_id)
        self.say("and approves it, as under Required Actions in the Airflow UI")


def _edit(org: httpx.Client, account: httpx.Client, say: Say) -> Edited:
    """What people do within a minute, on both sides."""
    say("people edit on both sides: two at once, one the same field, and one unsubscribes")
    pairs = _linked(org, account)
    by_sales, by_marketing, by_both, opted_out = pairs[:4]
    edited = Edited(by_sales, by_marketing, by_both, opted_out, stamp=f"{int(time.time()) % 100_000:05d}")
    _patch_person(org, edited.by_sales[0], FirstName=f"Sales {edited.stamp}")
    _patch_contact(account, edited.by_marketing[1], phone=f"+49 30 90{edited.stamp}")
    _patch_person(org, edited.by_both[0], Title=f"Chief {edited.stamp}")
    _patch_contact(account, edited.by_both[1], jobtitle=f"Head {edited.stamp}")
    email = _contact(account, edited.opted_out[1])["email"]
    account.post("/__sandbox__/opt_out", json={"email": email}).raise_for_status()
    _patch_person(org, edited.opted_out[0], FirstName=f"Still {edited.stamp}")
    time.sleep(SEEN_AFTER_S)
    return edited


def _look(story: SyncStory, topic: str, org: httpx.Client, account: httpx.Client, edited: Edited | None) -> None:
    writes = _writes(org, account)
    if edited is None:
        if topic == "first load":
            linked = len(_contacts_with_id(account))
            story.check(topic, f"{linked:,} contacts of HubSpot name their person in Salesforce", holds=linked > 0)
        else:
            story.check(topic, f"{sum(writes.values())} writes to either side", holds=not any(writes.values()))
        return
    a, _, c, d = (_contact(account, pair[1]) for pair in _pairs(edited))
    _, person_b, person_c, person_d = (_person(org, pair[0]) for pair in _pairs(edited))
    sales, phone = f"Sales {edited.stamp}", f"3090{edited.stamp}"
    story.check(topic, f"{sales!r}, typed into Salesforce, is in HubSpot", holds=a["firstname"] == sales)
    digits = "".join(character for character in person_b["Phone"] or "" if character.isdigit())
    story.check(topic, "a telephone number, typed into HubSpot, is in Salesforce", holds=digits.endswith(phone))
    both = (person_c["Title"], c["jobtitle"]) == (f"Chief {edited.stamp}", f"Head {edited.stamp}")
    story.check("conflict", "a title edited on both sides waits for a person, and neither was overwritten", holds=both)
    opted = bool(person_d["HasOptedOutOfEmail"]) and d["firstname"] == f"Still {edited.stamp}"
    story.check("consent", "who unsubscribed in HubSpot is opted out in Salesforce, in spite of an edit", holds=opted)


def _pairs(edited: Edited) -> tuple[tuple[str, str], ...]:
    return edited.by_sales, edited.by_marketing, edited.by_both, edited.opted_out


def _contacts_with_id(account: httpx.Client) -> list[Person]:
    found: list[Person] = []
    after: str | None = "0"
    while after is not None:
        params: dict[str, str | int] = {"limit": 100, "properties": PROPERTIES, "after": after}
        answer = account.get("/crm/v3/objects/contacts", params=params).raise_for_status().json()
        found += [each for each in answer["results"] if each["properties"].get("sf_record_id_18")]
        after = (answer.get("paging") or {}).get("next", {}).get("after")
    return found


def _linked(org: httpx.Client, account: httpx.Client) -> list[tuple[str, str]]:
    """Contacts of the org (no leads) and their counterparts, who may still be mailed."""
    mailed = {row["Id"] for row in query(org, "SELECT Id FROM Contact WHERE HasOptedOutOfEmail = false")}
    pairs = [(each["properties"]["sf_record_id_18"], str(each["id"])) for each in _contacts_with_id(account)]
    return [pair for pair in pairs if pair[0] in mailed]


def _patch_person(org: httpx.Client, record_id: str, **values: str) -> None:
    org.patch(f"/services/data/v62.0/sobjects/Contact/{record_id}", json=values).raise_for_status()


def _patch_contact(account: httpx.Client, record_id: str, **values: str) -> None:
    account.patch(f"/crm/v3/objects/contacts/{record_id}", json={"properties": values}).raise_for_status()


def _contact(account: httpx.Client, record_id: str) -> Person:
    params = {"properties": f"email,{PROPERTIES}"}
    answer = account.get(f"/crm/v3/objects/contacts/{record_id}", params=params)
    return dict(answer.raise_for_status().json()["properties"])


def _person(org: httpx.Client, record_id: str) -> Person:
    soql = f"SELECT Title, Phone, HasOptedOutOfEmail FROM Contact WHERE Id = '{record_id}'"
    return next(query(org, soql))


def _forget_writes(org: httpx.Client, account: httpx.Client) -> None:
    for system in (org, account):
        system.delete("/__sandbox__/requests").raise_for_status()


def _writes(org: httpx.Client, account: httpx.Client) -> dict[str, int]:
    """Calls since then that write records, by system."""
    counts = {}
    for name, system, marks in (
        ("Salesforce", org, SALESFORCE_WRITES),
        ("HubSpot", account, HUBSPOT_WRITES),
    ):
        told = system.get("/__sandbox__/requests", params={"limit": 100_000}).raise_for_status().json()["requests"]
        writes = [each for each in told if any(mark.fullmatch(f"{each['method']} {each['path']}") for mark in marks)]
        counts[name] = len(writes)
    return counts
