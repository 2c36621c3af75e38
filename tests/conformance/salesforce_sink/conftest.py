"""One org for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_patterns.clients.salesforce.sink import SalesforceSink
from tests.conformance.salesforce_sink.org_world import OrgWorld
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def org() -> Iterator[OrgWorld]:
    with SandboxProcess(size=10, only="Account,Contact,Lead,User") as process:
        yield OrgWorld(process)


@pytest.fixture
def world(org: OrgWorld) -> OrgWorld:
    org.calm()
    return org


@pytest.fixture
def sink(world: OrgWorld) -> Iterator[SalesforceSink]:
    client = world.client()
    yield client
    client.close()
