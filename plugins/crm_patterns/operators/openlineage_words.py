"""Our lineage in the words of OpenLineage. Loaded only where a transport is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    input_statistics_input_dataset,
    output_statistics_output_dataset,
    schema_dataset,
)

if TYPE_CHECKING:
    from crm_patterns.patterns.lineage import Column, DatasetUse, TaskLineage


def in_their_words(lineage: TaskLineage) -> OperatorLineage[Any, Any]:
    """Our lineage as the provider takes it."""
    return OperatorLineage(
        inputs=[_input(use) for use in lineage.inputs], outputs=[_output(use) for use in lineage.outputs]
    )


def _input(use: DatasetUse) -> InputDataset:
    counted = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(**_counts(use))
    return InputDataset(**_about(use), inputFacets={"inputStatistics": counted})


def _output(use: DatasetUse) -> OutputDataset:
    counted = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(**_counts(use))
    return OutputDataset(**_about(use), outputFacets={"outputStatistics": counted})


def _counts(use: DatasetUse) -> dict[str, Any]:
    return {"rowCount": use.rows, "size": use.bytes, "fileCount": use.files}


def _about(use: DatasetUse) -> dict[str, Any]:
    return {"namespace": use.dataset.namespace, "name": use.dataset.name, "facets": _facets(use)}


def _facets(use: DatasetUse) -> dict[str, Any]:
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
    facet = column_lineage_dataset
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
