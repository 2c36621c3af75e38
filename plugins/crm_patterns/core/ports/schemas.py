"""What is known of the fields of a source's objects, and the changes that led there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey
from crm_patterns.core.schema_changes import KnownSchema, RecordedChange, SchemaPlan


class SchemaStore(Protocol):
    """Known schemas, plans of runs that are not proven yet, and recorded changes."""

    def known_schema(self, source: str, object_name: str) -> KnownSchema | None:
        """As the last proven run left it; None before the first."""

    def plan_schema(self, run: RunKey, source: str, object_name: str, plan: SchemaPlan) -> None:
        """What this run will leave as known; replaces what an earlier try of it planned."""

    def planned_schema(self, run: RunKey, source: str, object_name: str) -> SchemaPlan | None: ...

    def settle_schema(self, run: RunKey, source: str, object_name: str, *, fingerprint: str, at: datetime) -> bool:
        """
        Make this run's plan the known schema and record its changes, in one transaction. True when this call did.

        A no-op where there is no plan for the contract with that fingerprint, or another run was first.
        """

    def schema_changes(self, run: RunKey) -> Sequence[RecordedChange]:
        """The changes that this run recorded, the gravest first."""

    def claim_schema_notice(self, dag_id: str, *, at: datetime) -> Sequence[RecordedChange]:
        """Changes that runs of the DAG recorded and nobody was told of; from now on they count as told."""

    def withdraw_schema_notice(self, dag_id: str, *, at: datetime) -> None:
        """Take back the claim made at that moment: the message did not arrive."""
