"""Salesforce and Marketo in step: what is unknown is created, what differs is written, and then nothing is to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.changes import ChangeSet, Side
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import RunKey, Sink
from crm_patterns.core.windows import WindowKind
from crm_patterns.pairings import creating_sides, pairing_of
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import ApplyOrder, apply
from crm_patterns.steps.sync import CycleOrder, plan_cycle, settle_cycle
from crm_patterns.translations import load_translations
from tests.conformance.marketo.marketo_world import MarketoWorld
from tests.sandbox_process import SandboxProcess

SETTINGS = """
stage_root: file:///tmp
data_docs_root: file:///tmp
start_date: 2026-01-01T00:00:00Z
platforms:
  - name: marketo
    pairings:
      - name: marketo_people
        salesforce: {object: Person, find_by: Email}
        platform: {object: leads, own_key: sfRecordId18, find_by: email}
        creates: [platform]
        fields:
          - {salesforce: Email, platform: email, translate: email, owner: salesforce}
          - {salesforce: FirstName, platform: firstName, owner: salesforce}
          - {salesforce: LastName, platform: lastName, owner: salesforce}
          - {salesforce: Title, platform: title, owner: salesforce}
          - {salesforce: Status, platform: leadStatus, translate: lead_status, owner: salesforce}
          - {salesforce: HasOptedOutOfEmail, platform: unsubscribed, translate: flag, policy: most_restrictive}
"""


@pytest.fixture(scope="module")
def org() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=60, only="Lead") as process:
        yield process


@pytest.fixture(scope="module")
def people() -> Iterator[MarketoWorld]:
    with SandboxProcess("marketo", size=30) as process:
        yield MarketoWorld(process)


@pytest.fixture
def sinks(org: SandboxProcess, people: MarketoWorld) -> Iterator[Mapping[Side, Sink]]:
    people.calm()
    known = {name: org.credentials[name] for name in ("consumer_key", "consumer_secret")}
    salesforce = SalesforceSink(SalesforceConnection(login_url=org.url, **known), patience=Patience(limit_s=20.0))
    marketo = people.client()
    yield {Side.LEFT: salesforce, Side.RIGHT: marketo}
    salesforce.close()
    marketo.close()


def cycle(sinks: Mapping[Side, Sink], state: OperationalState, folder: Path, run_id: str, now: Callable[[], datetime]) -> tuple[ChangeSet, Tally]:  # noqa: E501 # fmt: skip
    (folder / "sync.yaml").write_text(SETTINGS, encoding="utf-8")
    settings = load_marketing_sync(folder / "sync.yaml")
    pairing = pairing_of(settings, "marketo_people", load_translations(include_dir() / "config" / "translations.yaml"))
    run = RunKey("crm_marketing_sync", run_id)
    creates = creating_sides(settings.pairing("marketo_people"))
    order = CycleOrder(run, pairing, WindowKind.INCREMENTAL, creates, timedelta(), timedelta(minutes=15))
    planned = plan_cycle(sinks, state, order)
    changes = planned.planned.changes
    done = apply({sink.name: sink for sink in sinks.values()}, state, changes, ApplyOrder(run), clock=now)
    assert settle_cycle(state, run, pairing, planned.windows, done.outcomes, writes_all=order.writes_all)
    return changes, done.tally


def test_a_first_cycle_brings_both_in_step_and_a_second_has_nothing_to_do(
    sinks: Mapping[Side, Sink], people: MarketoWorld, tmp_path: Path
) -> None:
    state = OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(tmp_path / "state.db"))))
    state.prepare()
    before = people.control("GET", "leads")["leads"]

    first, tally = cycle(sinks, state, tmp_path, "one", people.now)
    second, nothing = cycle(sinks, state, tmp_path, "two", people.now)
    state.close()

    after = people.control("GET", "leads")["leads"]
    kinds = Counter((change.system, change.action.value) for change in first)
    assert kinds["marketo", "create"] > 5
    assert tally.created == kinds["marketo", "create"] == len(after) - len(before)
    assert tally.rejected == tally.deferred == 0
    assert list(second.writes) == []
    assert nothing.read == nothing.created == 0
    mails = [each["values"]["email"].lower() for each in after if "email" in each["values"]]
    assert len(mails) == len(set(mails))
