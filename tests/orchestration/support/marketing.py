"""A marketing platform beside the stand: an account of HubSpot, and people that both systems know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.orchestration.support.stand import Stand
from tests.sandbox_process import SandboxProcess

SYNC, UNDO = "crm_marketing_sync", "crm_undo"


@dataclass
class MarketingStand:
    """The stand, and both systems from behind."""

    stand: Stand
    account: HubSpotWorld
    org: httpx.Client

    def lead(self, **values: str) -> str:
        """A new lead; its id of 18 characters."""
        answer = self.org.post(
            "/services/data/v62.0/sobjects/Lead", json={"Company": "Acme", "LeadSource": "Web", **values}
        )
        return str(answer.raise_for_status().json()["id"])

    def edit_lead(self, record_id: str, **values: str) -> None:
        self.org.patch(f"/services/data/v62.0/sobjects/Lead/{record_id}", json=values).raise_for_status()

    def contact_of(self, email: str) -> dict[str, Any]:
        """The properties of the one contact with this address, and its id."""
        (found,) = self.account.holders("email", email)
        return {"id": found, **self.account.stored(found)}

    def sync(self, *records: str, **conf: Any) -> Any:
        """One run about these records alone."""
        return self.stand.run(dag_id=SYNC, platforms=["hubspot"], records=list(records), **conf)

    def undo(self, run: Any, **conf: Any) -> Any:
        return self.stand.run(dag_id=UNDO, run_id=run.run_id, **conf)


@pytest.fixture(scope="module")
def hubspot_account() -> Iterator[HubSpotWorld]:
    with SandboxProcess("hubspot", size=5) as process:
        yield HubSpotWorld(process)


@pytest.fixture
def marketing(stand: Stand, hubspot_account: HubSpotWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[MarketingStand]:
    url = httpx.URL(hubspot_account.url)
    connection = {
        "conn_type": "http", "host": url.host, "port": url.port, "schema": url.scheme,
        "password": hubspot_account.credentials["access_token"],
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps(connection))
    hubspot_account.calm()
    with stand.sandbox.client() as org:
        yield MarketingStand(stand, hubspot_account, org)
