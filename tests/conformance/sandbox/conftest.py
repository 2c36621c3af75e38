"""The stand-ins that the writing, bulk, control and Slack tests share: one process of each for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.sandbox.org_client import OrgClient
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="session")
def org() -> Iterator[OrgClient]:
    with SandboxProcess(size=300) as process:
        known = process.credentials
        yield OrgClient(process.url, consumer_key=known["consumer_key"], consumer_secret=known["consumer_secret"])


@pytest.fixture(scope="session")
def slack_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slack")


@pytest.fixture(scope="session")
def slack_url(slack_folder: Path) -> Iterator[str]:
    with SandboxProcess("slack", data=slack_folder) as process:
        yield process.url
