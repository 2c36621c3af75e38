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
    from crm_patterns.patterns.lineage import Column, Counts, DatasetUse, TaskLineage


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
        return None if self.lineage is None else in_their_words(self.lineage)


def is_wanted() -> bool:
    try:
        from airflow.providers.openlineage.conf import is_disabled
    except ImportError:
        return False
    return not is_disabled()


def counts_of(manifest: Manifest) -> Counts:
    from crm_patterns.patterns.lineage import Counts

    return Counts(manifest.rows, sum(part.bytes for part in manifest.parts), len(manifest.parts))


def in_their_words(lineage: TaskLineage) -> OperatorLineage[Any, Any]:
    """Our lineage as the provider takes it."""
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset, output_statistics_output_dataset

    inputs = [
        InputDataset(
            namespace=use.dataset.namespace,
            name=use.dataset.name,
            facets=_facets(use),
            inputFacets={
                "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet(
                    rowCount=use.rows, size=use.bytes, fileCount=use.files
                )
            },
        )
        for use in lineage.inputs
    ]
    outputs = [
        OutputDataset(
            namespace=use.dataset.namespace,
            name=use.dataset.name,
            facets=_facets(use),
            outputFacets={
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    rowCount=use.rows, size=use.bytes, fileCount=use.files
                )
            },
        )
        for use in lineage.outputs
    ]
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _facets(use: DatasetUse) -> dict[str, Any]:
    from openlineage.client.facet_v2 import column_lineage_dataset, schema_dataset

    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=c.name, type=c.type, description=c.meaning or None)
        for c in use.columns
    ]
    facets: dict[str, Any] = {"schema": schema_dataset.SchemaDatasetFacet(fields=fields)}
    made = {c.name: column_lineage_dataset.Fields(inputFields=_origins(c)) for c in use.columns if c.made_of}
    if made:
        facets["columnLineage"] = column_lineage_dataset.ColumnLineageDatasetFacet(fields=made)
    return facets


def _origins(column: Column) -> list[Any]:
    from openlineage.client.facet_v2 import column_lineage_dataset as facet

    return [
        facet.InputField(
            namespace=origin.dataset.namespace,
            name=origin.dataset.name,
            field=origin.field,
            transformations=[
                facet.Transformation(
                    type="DIRECT",
                    subtype="TRANSFORMATION" if origin.change else "IDENTITY",
                    description=origin.change,
                    masking=origin.masked,
                )
            ],
        )
        for origin in column.made_of
    ]
