"""Both sandboxes, real state and stage, and the shipped pairing: a cycle as the operators run it, without Airflow."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem
from sqlalchemy.engine import URL

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.catalog.marketing_sync import MarketingSyncSettings
from crm_patterns.core.changes import ChangeSet, Side
from crm_patterns.core.ports import RunKey
from crm_patterns.core.windows import WindowKind
from crm_patterns.pairings import creating_sides, pairing_of
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.state import OperationalState
from crm_patterns.state.database import open_engine
from crm_patterns.steps.apply import Applied, ApplyOrder, apply
from crm_patterns.steps.plan import Planned
from crm_patterns.steps.record_plan import record_plan
from crm_patterns.steps.staged_changes import read_changes
from crm_patterns.steps.sync import CycleOrder, plan_cycle, settle_cycle, stage_plan
from crm_patterns.steps.verify import verify
from crm_patterns.translations import Translations, load_translations
from crm_patterns.warehouse.stage import ParquetStage
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.conformance.salesforce_sink.org_world import OrgWorld

CONFIG = include_dir() / "config"
NAME = "hubspot_people"
KINDS = {"00Q": "Lead", "003": "Contact"}
AHEAD = timedelta(seconds=-2)
"""The lag: windows end a moment after now, so that no test waits for its own edits to be old enough."""


def for_everyone(settings: MarketingSyncSettings) -> MarketingSyncSettings:
    """Without `create_when`."""
    told = settings.model_dump()
    for platform in told["platforms"]:
        for pairing in platform["pairings"]:
            pairing["salesforce"]["create_when"] = {}
    return type(settings).model_validate(told)


SETTINGS = for_everyone(load_marketing_sync(CONFIG / "marketing_sync.yaml", {}))
"""As shipped, except that a contact is made of everybody and not only of some."""

TRANSLATIONS = load_translations(CONFIG / "translations.yaml")
Hook = Callable[[], object]


def open_state(file: Path) -> OperationalState:
    return OperationalState(open_engine(URL.create("sqlite+pysqlite", database=str(file))))


def _is_write(request: Mapping[str, Any]) -> bool:
    """Records are read by POST, too, but below the name of their object."""
    return request["method"] in ("PATCH", "DELETE", "PUT") or (
        request["method"] == "POST" and str(request["path"]).endswith("/composite/sobjects")
    )


@dataclass(frozen=True)
class Lived:
    """What a cycle planned, wrote and settled."""

    planned: Planned
    changes: ChangeSet
    applied: Applied
    moved: bool

    @property
    def writes(self) -> int:
        return len(self.changes.writes)


@dataclass
class SyncWorld:
    """
    `wrap` stands between the engine and each of its ports: (name, port) → port.

    A folder that another one worked in is gone on with.
    """

    org: OrgWorld
    account: HubSpotWorld
    folder: Path
    empty_state: Path
    pairing: Pairing = field(default_factory=lambda: pairing_of(SETTINGS, NAME, TRANSLATIONS))
    wrap: Callable[[str, Any], Any] = lambda _name, port: port
    limit_s: float = 30.0
    runs: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "state.db").exists():
            shutil.copy(self.empty_state, self.folder / "state.db")
        self.state = open_state(self.folder / "state.db")
        self.stage = ParquetStage(LocalFileSystem(), f"{self.folder}/stage")
        self.attempts = 0

    def close(self) -> None:
        self.state.close()

    def translate(self, translations: Translations) -> None:
        self.pairing = pairing_of(SETTINGS, NAME, translations)

    # --- a cycle ------------------------------------------------------------------------------------------------------

    def cycle(
        self,
        *,
        run: RunKey | None = None,
        ids: Sequence[str] = (),
        kind: WindowKind = WindowKind.INCREMENTAL,
        planned: Hook = lambda: None,
        **order: Any,
    ) -> Lived:
        """`planned` is called between plan and apply. Each cycle is a run of its own, but for a retry of `run`."""
        if run is None:
            self.runs += 1
            run = RunKey("crm_marketing_sync", f"run {self.runs}")
        self.attempts += 1
        asked = self._order(run, kind, ids)
        state, stage = self.wrap("state", self.state), self.wrap("stage", self.stage)
        with self.sides() as sides:
            made = plan_cycle(sides, state, asked)
            _, ref = stage_plan(stage, asked, made, attempt_id=f"attempt{self.attempts}")
            record_plan(state, run, self.pairing, made.planned, staged=ref, at=self.account.now())
        planned()
        changes = read_changes(stage, ref)
        with self._sides_for(changes) as sides:
            sinks = {sink.name: sink for sink in sides.values()}
            done = apply(sinks, state, changes, ApplyOrder(run, **order), clock=self.account.now)
        with self._sides_for(changes) as sides:
            outcomes = state.outcomes_of(run)
            seen = verify({sink.name: sink for sink in sides.values()}, changes, outcomes)
            assert not seen.lost, seen.lost
            whole = asked.writes_all and not done.tally.deferred
            moved = settle_cycle(state, run, self.pairing, made.windows, outcomes, writes_all=whole)
        return Lived(made.planned, changes, done, moved)

    def rest(self, cycles: int = 3) -> None:
        """The next cycles write nothing anywhere."""
        for _ in range(cycles):
            before, lived = self.written(), self.cycle()
            assert [(c.system, c.key, dict(c.wanted)) for c in lived.changes.writes] == []
            assert self.written() == before

    @contextmanager
    def sides(self) -> Iterator[Mapping[Side, Any]]:
        """Clients of their own for each step, as tasks have."""
        sinks = {Side.LEFT: self.org.client(limit_s=self.limit_s), Side.RIGHT: self.account.client()}
        try:
            yield {side: self.wrap(sink.name, sink) for side, sink in sinks.items()}
        finally:
            for sink in sinks.values():
                sink.close()

    def _sides_for(self, changes: ChangeSet) -> AbstractContextManager[Mapping[Side, Any]]:
        """Nobody signs in where nothing is written."""
        return self.sides() if changes.writes else nullcontext({})

    def _order(self, run: RunKey, kind: WindowKind, ids: Sequence[str]) -> CycleOrder:
        overlap = timedelta(seconds=SETTINGS.overlap_s)
        creates = creating_sides(SETTINGS.pairing(NAME))
        return CycleOrder(run, self.pairing, kind, creates, AHEAD, overlap, record_ids=tuple(ids))

    # --- both stores --------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Nobody is anywhere, no fault is in force, and search knows everything at once."""
        self.org.calm()
        self.account.calm()
        self.account.wait(-self.account._ahead)
        self.account.control("POST", "settings", {"index_lag_s": 0.0})
        for kind in KINDS.values():
            ids = [row["Id"] for row in self.rows(kind)]
            for start in range(0, len(ids), 200):
                self.org.control("POST", "hard_delete", {"ids": ids[start : start + 200]})
        ids = [each["id"] for each in self.kept()]
        if ids:
            self.account.control("POST", "erase", {"object": "contacts", "ids": ids})

    def lead(self, **values: Any) -> str:
        return self.leads([values])[0]

    def leads(self, people: Sequence[Mapping[str, Any]]) -> list[str]:
        return self.org.put([{"LastName": "Doe", "Company": "Acme", **each} for each in people])

    def contact(self, **values: Any) -> str:
        return self.org.put([{"LastName": "Doe", **values}], object_name="Contact")[0]

    def edit_left(self, record_id: str, *, ago: timedelta | None = None, **values: Any) -> None:
        if ago is not None:
            self.org.control("POST", "clock", {"at": (self.org.now() - ago).isoformat()})
        self.org.rest("PATCH", f"sobjects/{KINDS[record_id[:3]]}/{record_id}", values)
        self.org.control("POST", "clock", {})

    def edit_right(self, record_id: str, **properties: Any) -> None:
        body = {"object": "contacts", "id": record_id, "properties": properties}
        self.account.control("POST", "edit", body)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return list(self.org.control("GET", f"records?object={kind}")["records"])

    def left(self, record_id: str) -> Mapping[str, Any]:
        return self.org.held(record_id)

    def kept(self) -> list[dict[str, Any]]:
        return list(self.account.control("GET", "records?object=contacts")["records"])

    def rights(self) -> dict[str, dict[str, Any]]:
        """Properties of the living contacts."""
        return {each["id"]: each["properties"] for each in self.kept() if not each.get("archived")}

    def of(self, left_id: str) -> tuple[str, dict[str, Any]]:
        """The one contact that names this person."""
        [found] = [(i, p) for i, p in self.rights().items() if p.get("sf_record_id_18") == left_id]
        return found

    def facts(self) -> tuple[list[Any], list[Any]]:
        """What the two stores hold of the synchronised fields, whatever the ids."""
        names = [self.pairing.names(side) for side in Side]
        living = [row for kind in KINDS.values() for row in self.rows(kind) if row["IsDeleted"] != "true"]
        keys = {row["Id"]: row.get("Email") or row["LastName"] for row in living}
        left = [[row.get(n) for n in names[0]] for row in living]
        right = [
            [keys.get(v, v) if n == "sf_record_id_18" else v for n in names[1] for v in [each.get(n)]]
            for each in self.rights().values()
        ]
        return sorted(left, key=repr), sorted(right, key=repr)

    # --- their own word -----------------------------------------------------------------------------------------------

    def written(self) -> int:
        """Requests that wrote, by the journals of both: reading by POST is not among them."""
        here = [each for each in self.org.journal("sobjects") if _is_write(each)]
        return len(here) + len(self.account.calls("batch/(create|update|upsert|archive)|unsubscribe-all"))

    def calls(self) -> Counter[str]:
        """API calls by system; signing in is none."""
        org, account = self.org.journal("^/services/data"), self.account.calls("^/(crm|account|communication)")
        return Counter(salesforce=len(org), hubspot=len(account))

    def forget_calls(self) -> None:
        self.org.control("DELETE", "requests")
        self.account.forget_calls()

    def watermarks(self) -> list[datetime | None]:
        return [self.state.watermark(NAME, place) for place in ("salesforce.Person", "hubspot.contacts")]

    def open_keys(self) -> set[str]:
        """Records of both sides that are set aside."""
        held = self.state.open_quarantine_keys
        return {*held("salesforce", "Person"), *held("hubspot", "contacts")}
