"""An opt-out at one platform reaches the org and another platform in the same cycle, over real HTTP everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.core.changes import Side
from crm_patterns.core.mapping import Email, Flag
from crm_patterns.core.ports import RunKey, Sink
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.comparison import End, FieldEnd, FieldPair, Pairing
from crm_patterns.patterns.conflicts import FieldRule, Policy
from crm_patterns.patterns.consent_ledger import readings
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.collect_consent import POSITION, CollectOrder, collect_consent
from crm_patterns.steps.plan import Planned
from crm_patterns.steps.sync import CycleOrder, plan_cycle, settle_cycle
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.conformance.pardot.pardot_world import PardotWorld
from tests.sandbox_process import SandboxProcess

AHEAD = timedelta(seconds=-2)  # a window ends after what was written in this second
OVERLAP = timedelta(seconds=60)


def pairing(system: str, object_name: str, opt_out: FieldEnd) -> Pairing:
    email = FieldRule("email", policy=Policy.OWNER_WINS, owner=Side.LEFT)
    restrict = FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE)
    return Pairing(
        f"{system}_people",
        End("salesforce", "Person", find_by="Email"),
        End(system, object_name, find_by="email"),
        (
            FieldPair(email, FieldEnd("Email", Email()), FieldEnd("email", Email())),
            FieldPair(restrict, FieldEnd("HasOptedOutOfEmail", Flag()), opt_out),
        ),
    )


PARDOT = pairing("pardot", "prospects", FieldEnd("optedOut", Flag()))
HUBSPOT = pairing("hubspot", "contacts", FieldEnd("hs_email_optout", Flag()))


class Three:
    """The state and all systems; everything that was there before counts as read."""

    def __init__(self, sinks: Mapping[str, Sink], folder: Path) -> None:
        self.sinks = sinks
        self.state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(folder / "state.db"))))
        self.state.prepare()
        self._runs = count(1)
        run = RunKey("crm_marketing_sync", "before")
        for each in (PARDOT, HUBSPOT):
            for end in (each.left, each.right):
                now, name = sinks[end.system].now(), f"{end.system}.{end.object_name}"
                self.state.advance_watermark(each.name, name, to=now, run=run)
        for reading in readings([PARDOT, HUBSPOT]):
            self.state.advance_watermark(POSITION, reading.position, to=sinks[reading.system].now(), run=run)

    def cycle(self, *pairings: Pairing) -> list[Planned]:
        """As a run of the DAG does, for these pairings only; all restrictions are collected first."""
        run = RunKey("crm_marketing_sync", f"run-{next(self._runs)}")
        order = CollectOrder(run, WindowKind.INCREMENTAL, AHEAD, OVERLAP)
        for reading in readings([PARDOT, HUBSPOT]):
            sink = self.sinks[reading.system]
            collect_consent(sink, self.state, reading, order, clock=sink.now)
        return [self._pair(each, run) for each in pairings]

    def _pair(self, each: Pairing, run: RunKey) -> Planned:
        sinks = {Side.LEFT: self.sinks["salesforce"], Side.RIGHT: self.sinks[each.right.system]}
        wanted = CycleOrder(run, each, WindowKind.INCREMENTAL, frozenset(), AHEAD, OVERLAP)
        cycle = plan_cycle(sinks, self.state, wanted)
        done = apply(self.sinks, self.state, cycle.planned.changes, ApplyOrder(run), clock=self.sinks["salesforce"].now)
        assert [outcome.reason for outcome in done.outcomes.values() if not outcome.is_accepted] == []
        assert settle_cycle(
            self.state, run, each, cycle.windows, done.outcomes, writes_all=True, consent_to=cycle.consent_to
        )
        return cycle.planned


@pytest.fixture(scope="module")
def account() -> Iterator[HubSpotWorld]:
    with SandboxProcess("hubspot", size=5) as process:
        yield HubSpotWorld(process)


@pytest.fixture
def three(world: PardotWorld, account: HubSpotWorld, tmp_path: Path) -> Iterator[Three]:
    account.calm()
    account.control("POST", "settings", {"index_lag_s": 0})  # or search would tell of a second ago
    sinks: dict[str, Sink] = {
        "salesforce": SalesforceSink(world.sign_in()), "pardot": world.client(), "hubspot": account.client(),
    }  # fmt: skip
    made = Three(sinks, tmp_path)
    yield made
    made.state.close()
    for sink in sinks.values():
        sink.close()


def test_an_opt_out_at_pardot_reaches_the_org_and_hubspot_in_the_same_cycle_whoever_is_first(
    three: Three, world: PardotWorld, account: HubSpotWorld
) -> None:
    body = {"LastName": "Quiet", "Company": "Acme", "Email": "quiet@consent.example"}
    with world.org.client() as rest:
        url = f"{world.org.url}/services/data/v62.0/sobjects/Lead/"
        lead = rest.post(url, json=body).raise_for_status().json()["id"]
        world.put([{"email": "Quiet@consent.example", "lastName": "Quiet"}])
        [contact] = account.people({"email": "quiet@consent.example", "lastname": "Quiet"})
        three.cycle(HUBSPOT, PARDOT)
        [prospect] = [r for r in world.records() if str(r.get("email")).lower() == "quiet@consent.example"]

        world.control("POST", "edit", {"id": str(prospect["id"]), "values": {"optedOut": True}})
        first, _ = three.cycle(HUBSPOT, PARDOT)
        told = {c.system: dict(c.wanted) for c in first.changes.writes}
        again = three.cycle(HUBSPOT, PARDOT)

        assert told == {"hubspot": {"hs_email_optout": True}, "salesforce": {"HasOptedOutOfEmail": True}}
        held = three.sinks["hubspot"].read_records("contacts", ["hs_email_optout"], [contact])[contact]
        assert Flag().to_canonical(held.values["hs_email_optout"]) is True
        assert rest.get(f"{url}{lead}").json()["HasOptedOutOfEmail"] is True
        assert [planned.changes.writes for planned in again] == [(), ()]
