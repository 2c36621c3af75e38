"""One Marketo instance for the tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_patterns.clients.marketo.client import MarketoClient
from tests.conformance.marketo.marketo_world import MarketoWorld
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def instance() -> Iterator[MarketoWorld]:
    with SandboxProcess("marketo", size=40) as process:
        yield MarketoWorld(process)


@pytest.fixture
def world(instance: MarketoWorld) -> MarketoWorld:
    instance.calm()
    return instance


@pytest.fixture
def marketo(world: MarketoWorld) -> Iterator[MarketoClient]:
    client = world.client()
    yield client
    client.close()
