"""
OpenLineage events of our operators: what the provider's listener asks for when a task has ended.

Nothing of it is imported, computed or read where no transport is configured (`[openlineage] transport`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from crm_patterns.core.staging import Manifest
    from crm_patterns.patterns.lineage import Counts, TaskLineage


class TellsLineage(BaseOperator):
    """An operator that notes its lineage while it runs; the listener must not reach out when it asks for it."""

    lineage: TaskLineage | None = None

    def note_lineage(self, make: Callable[[], TaskLineage]) -> None:
        """Call when the data has moved. Whatever goes wrong here is news about the data, not the data: a warning."""
        if not is_wanted():
            return
        try:
            self.lineage = make()
        except Exception as error:  # noqa: BLE001 - see above
            self.log.warning("No OpenLineage of this task: %s: %s", type(error).__name__, error)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:  # noqa: ARG002
        """Asked for after a failure too: what was noted by then. The listener adds the error itself."""
        if self.lineage is None:
            return None
        from crm_patterns.operators.openlineage_words import in_their_words

        return in_their_words(self.lineage)


def is_wanted() -> bool:
    try:
        from airflow.providers.openlineage.conf import is_disabled
    except ImportError:
        return False
    return not is_disabled()


def counts_of(manifest: Manifest) -> Counts:
    from crm_patterns.patterns.lineage import Counts

    return Counts(manifest.rows, sum(part.bytes for part in manifest.parts), len(manifest.parts))
