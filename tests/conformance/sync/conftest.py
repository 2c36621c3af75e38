"""One org and one account for the tests of a worker; nobody is in either when a test begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.conformance.salesforce_sink.org_world import OrgWorld
from tests.conformance.sync_world import SyncWorld, open_state
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def both() -> Iterator[tuple[OrgWorld, HubSpotWorld]]:
    with SandboxProcess(size=10, only="Account,Contact,Lead,User") as org, SandboxProcess("hubspot", size=1) as account:
        yield OrgWorld(org), HubSpotWorld(account)


@pytest.fixture(scope="session")
def empty_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("state") / "empty.db"
    prepared = open_state(file)
    prepared.prepare()
    prepared.close()
    return file


@pytest.fixture
def world(both: tuple[OrgWorld, HubSpotWorld], empty_state: Path, tmp_path: Path) -> Iterator[SyncWorld]:
    made = SyncWorld(*both, tmp_path / "world", empty_state)
    made.clear()
    yield made
    made.close()
