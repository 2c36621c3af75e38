"""People of the org and prospects are kept in step, over real HTTP on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import URL

from crm_patterns.clients.pardot.client import PardotClient
from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.core.changes import Change, ChangeSet, Side
from crm_patterns.core.mapping import Email, Flag
from crm_patterns.core.ports import RunKey
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing
from crm_patterns.patterns.conflicts import FieldRule, Policy
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.plan import PlanOrder, plan
from tests.conformance.pardot.pardot_world import PardotWorld

OWNED = {"policy": Policy.OWNER_WINS, "owner": Side.LEFT}
PAIRING = Pairing(
    "people",
    End("salesforce", "Person", find_by="Email"),
    End("pardot", "prospects", find_by="email"),
    (
        FieldPair(FieldRule("email", **OWNED), FieldEnd("Email", Email()), FieldEnd("email", Email())),  # type: ignore[arg-type]
        FieldPair(FieldRule("title", **OWNED), FieldEnd("Title"), FieldEnd("jobTitle")),  # type: ignore[arg-type]
        FieldPair(
            FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE),
            FieldEnd("HasOptedOutOfEmail", Flag()),
            FieldEnd("optedOut", Flag()),
        ),
    ),
)


class Two:
    """The org and the unit, with the state between them; each cycle is a run of its own."""

    def __init__(self, world: PardotWorld, org: SalesforceSink, unit: PardotClient, folder: Path) -> None:
        self.world, self.org, self.unit = world, org, unit
        self.state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(folder / "state.db"))))
        self.state.prepare()
        self.mine: set[str] = set()  # records of the test: org and unit are shared
        self._runs = count(1)
        self._since = {Side.LEFT: org.now(), Side.RIGHT: unit.now()}

    def cycle(self) -> list[Change]:
        """Plan and apply what changed since the test began; the writes of it."""
        run, windows = RunKey("crm_marketing_sync", f"run-{next(self._runs)}"), {}
        for side, sink in ((Side.LEFT, self.org), (Side.RIGHT, self.unit)):
            start, end = self._since[side] - timedelta(seconds=1), sink.now() + timedelta(seconds=2)
            windows[side] = Window(start, end, WindowKind.INCREMENTAL)
        order = PlanOrder(run, PAIRING, windows, creates=frozenset({Side.RIGHT}))
        planned = plan({Side.LEFT: self.org, Side.RIGHT: self.unit}, self.state, order)
        done = apply(
            {"salesforce": self.org, "pardot": self.unit}, self.state, planned.changes, ApplyOrder(run),
            clock=self.world.now,
        )  # fmt: skip
        assert all(outcome.is_accepted for outcome in done.outcomes.values())
        writes = ChangeSet.of(planned.changes).writes
        return [change for change in writes if change.link is not None and change.link.left_id in self.mine]


@pytest.fixture
def two(world: PardotWorld, sink: PardotClient, tmp_path: Path) -> Iterator[Two]:
    org = SalesforceSink(world.sign_in())
    pair = Two(world, org, sink, tmp_path)
    yield pair
    pair.state.close()
    org.close()


@pytest.fixture
def rest(world: PardotWorld) -> Iterator[httpx.Client]:
    with world.org.client() as client:
        client.base_url = f"{world.org.url}/services/data/v62.0/sobjects/"
        yield client


def test_a_lead_becomes_a_prospect_edits_cross_and_a_run_without_news_writes_nothing(
    two: Two, rest: httpx.Client
) -> None:
    body = {"LastName": "Sync", "Company": "Acme", "Email": "Lead@sync.example", "Title": "CFO"}
    lead = rest.post("Lead/", json=body).raise_for_status().json()["id"]

    two.mine.add(lead)
    created, nothing = two.cycle(), two.cycle()
    [prospect] = [each for each in two.world.records() if str(each.get("email")).lower() == "lead@sync.example"]
    two.world.control("POST", "edit", {"id": str(prospect["id"]), "values": {"optedOut": True}})
    rest.patch(f"Lead/{lead}", json={"Title": "CEO"}).raise_for_status()
    crossed, quiet = two.cycle(), two.cycle()

    assert [(c.system, c.action) for c in created] == [("pardot", "create")]
    assert prospect["jobTitle"] == "CFO"
    assert sorted((c.system, c.action, *c.wanted) for c in crossed) == [
        ("pardot", "update", "jobTitle"), ("salesforce", "update", "HasOptedOutOfEmail"),
    ]  # fmt: skip
    assert two.world.held(str(prospect["id"]))["jobTitle"] == "CEO"
    assert rest.get(f"Lead/{lead}").json()["HasOptedOutOfEmail"] is True
    assert (nothing, quiet) == ([], [])


def test_people_who_are_on_both_sides_are_linked_and_not_made_twice(two: Two, rest: httpx.Client) -> None:
    body = {"LastName": "Both", "Company": "Acme", "Email": "both@sync.example", "Title": "CTO"}
    two.mine.add(rest.post("Lead/", json=body).raise_for_status().json()["id"])
    two.world.put([{"email": "BOTH@sync.example", "lastName": "Both", "jobTitle": "CTO"}])

    writes = [c for c in two.cycle() if c.action == "create"]

    assert writes == []
    assert len([each for each in two.world.records() if str(each.get("email")).lower() == "both@sync.example"]) == 1
