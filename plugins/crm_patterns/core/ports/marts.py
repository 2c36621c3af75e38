"""What became of the marts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crm_patterns.core.marts import MartBuild
from crm_patterns.core.ports.runs import RunKey


class MartStore(Protocol):
    """The ledger of marts."""

    def record_mart_build(self, run: RunKey, build: MartBuild) -> None:
        """Insert or replace what this run did about the mart."""

    def mart_builds(self, run: RunKey) -> Sequence[MartBuild]:
        """Of this run, by mart."""

    def last_built(self, mart: str) -> MartBuild | None:
        """The newest build, of any run, that people see now; None where there was none."""
