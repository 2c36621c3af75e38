"""The stand-ins of Salesforce and of a business unit behind its door, a client under test, and a second way in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from crm_patterns.clients.pardot.api import PaceOptions
from crm_patterns.clients.pardot.client import PardotClient
from crm_patterns.clients.pardot.connection import PardotConnection
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.values import Value
from tests.conformance.sink_suite import Names
from tests.sandbox_process import SandboxProcess

READ_ONLY = {"id", "createdAt", "updatedAt", "isDeleted"}
WRITES = {Action.CREATE: "upsertLatestByEmail", Action.UPDATE: "prospects/", Action.DELETE: "prospects/"}


class PardotWorld:
    """One running unit. Waiting costs no time: its clock is moved instead, and `waited` remembers it."""

    names = Names(
        system="pardot", object_name="prospects", text="jobTitle", mail="email", key="", choice="", good_choice="",
        bad_choice="", unknown_id="999999998",
    )  # fmt: skip
    merges = False
    tells_deleted = True
    changes_window = timedelta(seconds=1)

    def __init__(self, org: SandboxProcess, process: SandboxProcess) -> None:
        self.org, self.process, self.url = org, process, process.url
        self.unit = process.credentials["business_unit_id"]
        self.http = httpx.Client(base_url=f"{self.url}/__sandbox__/", timeout=30)
        self.waited: list[float] = []
        self._ahead = 0.0

    def sign_in(self, **changes: Any) -> SalesforceConnection:
        known = self.org.credentials
        given = {name: known[name] for name in ("login_url", "consumer_key", "consumer_secret")}
        return SalesforceConnection(**{**given, **changes})

    def client(
        self, *, limit_s: float = 60.0, salesforce: SalesforceConnection | None = None, at_once: int = 4, **changes: str
    ) -> PardotClient:
        given = {"business_unit_id": self.unit, "base_url": self.url, **changes}
        connection = PardotConnection(salesforce or self.sign_in(), **given)
        return PardotClient(connection, patience=Patience(limit_s=limit_s, sleep=self.wait), pace=PaceOptions(at_once))

    def raw(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.org.token()}", "Pardot-Business-Unit-Id": self.unit}
        return httpx.Client(base_url=f"{self.url}/api/v5/", headers=headers, timeout=30)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._ahead += seconds
        self.control("POST", "clock", {"ahead_s": self._ahead})

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", fault)

    def calls(self, path: str = "", method: str = "") -> list[dict[str, Any]]:
        """Requests whose path matches, oldest first."""
        asked = f"requests?limit=100000&path={path}&method={method}"
        found: list[dict[str, Any]] = self.control("GET", asked)["requests"]
        return found

    def calm(self) -> None:
        """As it was at the start, but for the records and the time that has passed."""
        for each in ("faults", "limits", "settings", "requests"):
            self.control("DELETE", each)
        self.control("POST", "limits", {"daily": 1_000_000})
        self.waited.clear()

    # --- as the suite asks for it -------------------------------------------------------------------------------------

    def new(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        return values

    def put(self, records: Sequence[Mapping[str, Value]], *, at: datetime | None = None) -> list[str]:
        body = {"records": [dict(each) for each in records], "at": at.isoformat() if at else None}
        ids: list[str] = self.control("POST", "records", body)["ids"]
        return ids

    def remove(self, ids: Sequence[str]) -> None:
        self.control("POST", "delete", {"ids": list(ids)})

    def merge(self, winner: str, loser: str) -> None:
        raise NotImplementedError("the API does not tell of merges")

    def held(self, record_id: str) -> Mapping[str, Value]:
        found = next(each for each in self.records() if str(each["id"]) == record_id)
        return {name: value for name, value in found.items() if name not in READ_ONLY and value is not None}

    def holders(self, field_name: str, value: str) -> list[str]:
        living = [each for each in self.records() if not each["isDeleted"]]
        return [str(each["id"]) for each in living if each.get(field_name) == value]

    def records(self, kind: str = "prospects") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"records?object={kind}")["records"]
        return found

    def lose_answer(self, action: Action) -> None:
        method = {Action.CREATE: "POST", Action.UPDATE: "PATCH", Action.DELETE: "DELETE"}[action]
        self.fault(kind="lost_reply", method=method, path=WRITES[action])

    def lock(self, value: str) -> None:
        self.fault(kind="row_failure", code=62, property="jobTitle", matches=f"^{value}$")

    def writes(self) -> int:
        return len([call for call in self.calls() if call["method"] in ("POST", "PATCH", "DELETE")])


def create(key: str, *, lookup: tuple[str, str] | None = None, **values: Value) -> Change:
    return Change("pardot", "prospects", Action.CREATE, key, fields=_fields(values), lookup=lookup)


def update(record_id: str, **values: Value) -> Change:
    return Change("pardot", "prospects", Action.UPDATE, record_id, record_id, fields=_fields(values))


def _fields(values: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in values.items())
