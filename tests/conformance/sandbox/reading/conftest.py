"""One org for the tests that read and sign in; they change settings at most, and put them back."""

from collections.abc import Iterator

import httpx
import pytest

from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def salesforce() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=1800) as process:
        yield process


@pytest.fixture
def http(salesforce: SandboxProcess) -> Iterator[httpx.Client]:
    with salesforce.client() as client:
        client.base_url = f"{salesforce.url}/services/data/v62.0"
        yield client
