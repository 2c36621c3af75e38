"""One org and the business unit behind its door, for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_patterns.clients.pardot.client import PardotClient
from tests.conformance.pardot.pardot_world import PardotWorld
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def unit() -> Iterator[PardotWorld]:
    with SandboxProcess(size=20, only="Contact,Lead,Campaign") as org:
        options = ("--salesforce-data", str(org.data))
        with SandboxProcess("pardot", size=60, options=options) as process:
            yield PardotWorld(org, process)


@pytest.fixture
def world(unit: PardotWorld) -> PardotWorld:
    unit.calm()
    return unit


@pytest.fixture
def sink(world: PardotWorld) -> Iterator[PardotClient]:
    client = world.client()
    yield client
    client.close()
