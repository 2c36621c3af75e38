"""The Marketo stand-in, a client under test, and a second way in beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from crm_patterns.clients.marketo.api import PaceOptions
from crm_patterns.clients.marketo.client import MarketoClient
from crm_patterns.clients.marketo.connection import MarketoConnection
from crm_patterns.clients.retrying import Patience
from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.values import Value
from tests.sandbox_process import SandboxProcess

UNHURRIED = PaceOptions(share=1000.0)
WRITES = r"^/rest/v1/leads(/delete)?\.json$"
"""Of `path?query`: reads by POST have a query."""


class MarketoWorld:
    """One running instance. Waiting costs no time: its clock is moved instead, and `waited` remembers it."""

    def __init__(self, process: SandboxProcess) -> None:
        self.url = process.url
        self.credentials = process.credentials
        self.waited: list[float] = []
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def client(self, *, pace: PaceOptions = UNHURRIED, limit_s: float = 90.0, **changes: Any) -> MarketoClient:
        given = {
            "base_url": self.url,
            "client_id": self.credentials["client_id"],
            "client_secret": self.credentials["client_secret"],
            **changes,
        }
        patience = Patience(limit_s=limit_s, sleep=self.wait)
        return MarketoClient(MarketoConnection(**given), patience=patience, pace=pace)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._ahead += seconds
        self.control("POST", "clock", {"ahead_s": self._ahead})

    _ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"/__sandbox__/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", fault)

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        """Requests whose path matches, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", "requests?limit=100000")["requests"]
        return [each for each in found if path in each["path"]]

    def writes(self) -> list[dict[str, Any]]:
        """Requests that change leads."""
        found = self.calls("/rest/v1/leads")
        return [each for each in found if each["method"] == "POST" and "_method=GET" not in each["query"]]

    def forget_calls(self) -> None:
        self.control("DELETE", "requests")
        self.waited.clear()

    def calm(self) -> None:
        """As it was at the start, but for the leads and the time that has passed."""
        self.control("DELETE", "faults")
        self.control("DELETE", "limits")
        self.control("POST", "limits", {"burst": 100_000})
        self.control("POST", "tokens", {"lifetime_s": 3600})
        self.control("POST", "settings", {"activity_lag_s": 0, "polls": 1, "crm_sync": False, "upsert_gap_s": 0})
        self.forget_calls()

    def people(self, *people: Mapping[str, Any], at: datetime | None = None) -> list[str]:
        """Leads that were made by somebody at that moment (now)."""
        body = {"leads": list(people), "at": at.isoformat() if at else None}
        return [str(each) for each in self.control("POST", "leads", body)["ids"]]

    def stored(self, lead_id: str) -> dict[str, Any]:
        """Values as the instance holds them."""
        found = self.control("GET", "leads")["leads"]
        return dict(next(each["values"] for each in found if str(each["id"]) == lead_id))

    def holders(self, name: str, value: str) -> list[str]:
        """Ids of the leads that have this value."""
        found = self.control("GET", "leads")["leads"]
        return [str(each["id"]) for each in found if each["values"].get(name) == value]


def create(key: str, *, lookup: tuple[str, str] | None = None, **values: Value) -> Change:
    return Change("marketo", "leads", Action.CREATE, key, fields=_fields(values), lookup=lookup)


def update(record_id: str, **values: Value) -> Change:
    return Change("marketo", "leads", Action.UPDATE, record_id, record_id, fields=_fields(values))


def _fields(values: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in values.items())
