"""One HubSpot account for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_patterns.clients.hubspot.client import HubSpotClient
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def account() -> Iterator[HubSpotWorld]:
    with SandboxProcess("hubspot", size=40) as process:
        yield HubSpotWorld(process)


@pytest.fixture
def world(account: HubSpotWorld) -> HubSpotWorld:
    account.calm()
    return account


@pytest.fixture
def hubspot(world: HubSpotWorld) -> Iterator[HubSpotClient]:
    client = world.client()
    yield client
    client.close()
