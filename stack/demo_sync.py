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
from stack.installation import API_SERVER, Installation
from stack.marketing_people import hubspot, import_people, query, salesforce
from stack.run_progress import RunView

SYNC, UNDO = "crm_marketing_sync", "crm_undo"
APPROVE = "Approve"
READS_FOR_S = 5.0  # an answer in the second of the question would meet an executor that has not heard of it
WITHIN_S = 90.0  # of a webhook, on a busy machine
SEEN_AFTER_S = 4.0  # more than the local stack's lag_s and the time that HubSpot's search takes
PROPERTIES = "firstname,jobtitle,phone,hs_email_optout,sf_record_id_18"
SALESFORCE_WRITES = [
    re.compile(mark) for mark in ("PATCH .*/composite/sobjects.*", "POST .*/composite/sobjects/?", "POST .*/ingest/?")
]
HUBSPOT_WRITES = [re.compile("POST .*/batch/(create|update|upsert|archive)"), re.compile("POST .*/unsubscribe.*")]

Say = Callable[[str], None]
Run = Callable[..., DemoRun]
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
    """First load, edits on both sides, an idle run, an undo, and an edit that is told by a webhook.

    Raises:
        StackError: a system or Airflow did not take part.
    """
    story = SyncStory()
    import_people(installation, say)
    try:
        with closing(salesforce(installation)) as org, closing(hubspot(installation)) as account:
            world = _World(installation, org, account, say)
            for chapter in (_first_load, _edits, _at_rest, _undo, _webhook):
                chapter(world, run, story)
                if not all(done.is_success for done in story.runs):
                    break
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


@dataclass
class _World:
    """The two systems as people use them, and whom they edited."""

    installation: Installation
    org: httpx.Client
    account: httpx.Client
    say: Say
    edited: Edited | None = None
    first_name: str = ""

    def people(self) -> Edited:
        if self.edited is None:
            by_sales, by_marketing, by_both, opted_out = _linked(self.org, self.account)[:4]
            self.edited = Edited(by_sales, by_marketing, by_both, opted_out, stamp=f"{int(time.time()) % 100_000:05d}")
        return self.edited


def _first_load(world: _World, run: Run, story: SyncStory) -> None:
    story.runs.append(run(SYNC))
    linked = len(_contacts_with_id(world.account))
    story.check("first load", f"{linked:,} contacts of HubSpot name their person in Salesforce", holds=linked > 0)


def _edits(world: _World, run: Run, story: SyncStory) -> None:
    """What people do within a minute, on both sides."""
    world.say("people edit on both sides: two at once, one the same field, and one unsubscribes")
    org, account, who = world.org, world.account, world.people()
    world.first_name = _contact(account, who.by_sales[1])["firstname"]
    _patch_person(org, who.by_sales[0], FirstName=f"Sales {who.stamp}")
    _patch_contact(account, who.by_marketing[1], phone=f"+49 30 90{who.stamp}")
    _patch_person(org, who.by_both[0], Title=f"Chief {who.stamp}")
    _patch_contact(account, who.by_both[1], jobtitle=f"Head {who.stamp}")
    email = _contact(account, who.opted_out[1])["email"]
    account.post("/__sandbox__/opt_out", json={"email": email}).raise_for_status()
    _patch_person(org, who.opted_out[0], FirstName=f"Still {who.stamp}")
    time.sleep(SEEN_AFTER_S)
    story.runs.append(run(SYNC))
    _look(world, story)


def _look(world: _World, story: SyncStory) -> None:
    who = world.people()
    a, _, c, d = (_contact(world.account, pair[1]) for pair in _pairs(who))
    _, person_b, person_c, person_d = (_person(world.org, pair[0]) for pair in _pairs(who))
    sales, phone = f"Sales {who.stamp}", f"3090{who.stamp}"
    story.check("edits", f"{sales!r}, typed into Salesforce, is in HubSpot", holds=a["firstname"] == sales)
    arrived = _digits(person_b["Phone"]).endswith(phone)
    story.check("edits", "a telephone number, typed into HubSpot, is in Salesforce", holds=arrived)
    both = (person_c["Title"], c["jobtitle"]) == (f"Chief {who.stamp}", f"Head {who.stamp}")
    story.check("conflict", "a title edited on both sides waits for a person, and neither was overwritten", holds=both)
    opted = bool(person_d["HasOptedOutOfEmail"]) and d["firstname"] == f"Still {who.stamp}"
    story.check("consent", "who unsubscribed in HubSpot is opted out in Salesforce, in spite of an edit", holds=opted)


def _at_rest(world: _World, run: Run, story: SyncStory) -> None:
    for system in (world.org, world.account):
        system.delete("/__sandbox__/requests").raise_for_status()
    story.runs.append(run(SYNC))
    calls, writes = _calls(world)
    told = ", ".join(f"{count} of {name}" for name, count in calls.items())
    story.check("at rest", f"nothing is written to either side; API calls: {told}", holds=not writes)


def _undo(world: _World, run: Run, story: SyncStory) -> None:
    world.say("the run of the edits is undone")
    story.runs.append(run(UNDO, {"run_id": story.runs[1].run_id}))
    now = _contact(world.account, world.people().by_sales[1])["firstname"]
    story.check("undo", f"the edit of Salesforce is out of HubSpot again ({now!r})", holds=now == world.first_name)


def _webhook(world: _World, _run: Run, story: SyncStory) -> None:
    """An edit that HubSpot tells of: no run is asked for, one starts by itself."""
    url = f"{world.installation.url(API_SERVER)}/crm/webhooks/hubspot"
    world.account.post("/__sandbox__/webhooks", json={"target_url": url}).raise_for_status()
    world.say("HubSpot tells of an edit by a webhook")
    salesforce_id, hubspot_id = world.people().by_marketing
    stamp = f"{(int(world.people().stamp) + 1) % 100_000:05d}"
    began = time.monotonic()
    _patch_contact(world.account, hubspot_id, phone=f"+49 30 91{stamp}")
    while time.monotonic() - began < WITHIN_S:
        if _digits(_person(world.org, salesforce_id)["Phone"]).endswith(f"3091{stamp}"):
            took = time.monotonic() - began
            story.check("webhook", f"an edit in HubSpot was in Salesforce after {took:.0f} s", holds=True)
            return
        time.sleep(0.5)
    story.check("webhook", f"an edit in HubSpot is in Salesforce within {WITHIN_S:.0f} s", holds=False)


def _digits(text: str | None) -> str:
    return "".join(character for character in text or "" if character.isdigit())


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
    """As a person does: what the package's own app writes, its webhooks leave out."""
    edit = {"object": "contacts", "id": record_id, "properties": values}
    account.post("/__sandbox__/edit", json=edit).raise_for_status()


def _contact(account: httpx.Client, record_id: str) -> Person:
    params = {"properties": f"email,{PROPERTIES}"}
    answer = account.get(f"/crm/v3/objects/contacts/{record_id}", params=params)
    return dict(answer.raise_for_status().json()["properties"])


def _person(org: httpx.Client, record_id: str) -> Person:
    soql = f"SELECT Title, Phone, HasOptedOutOfEmail FROM Contact WHERE Id = '{record_id}'"
    return next(query(org, soql))


def _calls(world: _World) -> tuple[dict[str, int], int]:
    """API calls since they were last forgotten, by system, and how many of them write records."""
    calls, writes = {}, 0
    for name, system, marks in (
        ("Salesforce", world.org, SALESFORCE_WRITES),
        ("HubSpot", world.account, HUBSPOT_WRITES),
    ):
        told = system.get("/__sandbox__/requests", params={"limit": 100_000}).raise_for_status().json()["requests"]
        made = [f"{each['method']} {each['path']}" for each in told if "/__sandbox__/" not in each["path"]]
        calls[name] = len(made)
        writes += sum(any(mark.fullmatch(each) for mark in marks) for each in made)
    return calls, writes
