"""The HubSpot stand-in, a client under test, and a second way in beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from crm_patterns.clients.hubspot.api import PaceOptions
from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.clients.hubspot.connection import HubSpotConnection
from crm_patterns.clients.retrying import Patience
from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.values import Value
from tests.sandbox_process import SandboxProcess

UNHURRIED = PaceOptions(share=1000.0, searches_per_s=100_000.0)


class HubSpotWorld:
    """One running account. Waiting costs no time: the account's clock is moved instead, and `waited` remembers it."""

    def __init__(self, process: SandboxProcess) -> None:
        self.url = process.url
        self.credentials = process.credentials
        self.waited: list[float] = []
        self.http = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.credentials['access_token']}"}, timeout=30
        )

    def client(self, *, pace: PaceOptions = UNHURRIED, limit_s: float = 60.0, **changes: Any) -> HubSpotClient:
        given = {"base_url": self.url, "access_token": self.credentials["access_token"], **changes}
        return HubSpotClient(HubSpotConnection(**given), patience=Patience(limit_s=limit_s, sleep=self.wait), pace=pace)

    def oauth_client(self) -> HubSpotClient:
        known = self.credentials
        return self.client(**{name: known[name] for name in ("client_id", "client_secret", "refresh_token")})

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
        found: list[dict[str, Any]] = self.control("GET", f"requests?limit=100000&path={path}")["requests"]
        return found

    def forget_calls(self) -> None:
        self.control("DELETE", "requests")
        self.waited.clear()

    def calm(self) -> None:
        """As it was at the start, but for the records and the time that has passed."""
        self.control("DELETE", "faults")
        self.control("DELETE", "limits")
        self.control("DELETE", "webhooks")
        self.control("POST", "limits", {"burst": 100_000, "search_per_second": 100_000})
        self.control("POST", "tokens", {"lifetime_s": 1800, "private_app_works": True})
        self.control("POST", "settings", {"index_lag_s": 3.0, "whole_batch_refused": False, "scopes": None})
        self.forget_calls()

    def people(self, *people: Mapping[str, str], at: datetime | None = None) -> list[str]:
        """Contacts that have been there for a while: search knows them."""
        return self.records("contacts", people, at=at)

    def records(self, kind: str, given: Sequence[Mapping[str, str]], *, at: datetime | None = None) -> list[str]:
        body = {"object": kind, "records": list(given), "at": at.isoformat() if at else None}
        ids: list[str] = self.control("POST", "records", body)["ids"]
        return ids

    def stored(self, record_id: str, kind: str = "contacts") -> dict[str, Any]:
        """Properties as the account holds them."""
        found = self.control("GET", f"records?object={kind}")["records"]
        return dict(next(each["properties"] for each in found if each["id"] == record_id))

    def holders(self, name: str, value: str, kind: str = "contacts") -> list[str]:
        """Ids of the records that have this value."""
        found = self.control("GET", f"records?object={kind}")["records"]
        return [each["id"] for each in found if each["properties"].get(name) == value]


def create(key: str, *, lookup: tuple[str, str] | None = None, **values: Value) -> Change:
    return Change("hubspot", "contacts", Action.CREATE, key, fields=_fields(values), lookup=lookup)


def update(record_id: str, **values: Value) -> Change:
    return Change("hubspot", "contacts", Action.UPDATE, record_id, record_id, fields=_fields(values))


def delete(record_id: str) -> Change:
    return Change("hubspot", "contacts", Action.DELETE, record_id, record_id)


def _fields(values: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in values.items())
