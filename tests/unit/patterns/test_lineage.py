"""Lineage: names and column origins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_patterns.core.contracts import FieldKind
from crm_patterns.patterns.lineage import Counts, Database, DatasetName, extracted, published, staged_object
from crm_patterns.warehouse.dialects.snowflake import column_type
from tests.sql.attempts import ORDER, ORDER_WITHOUT_CURSOR

COUNTS = Counts(rows=3, bytes=99, files=1)
HASHED = replace(
    ORDER.fields[1], hashed=True, hash_key="k1", hashed_from=FieldKind.DECIMAL
)  # its own kind is that of the hash
PROTECTED = replace(ORDER, fields=(ORDER.fields[0], HASHED, *ORDER.fields[2:]))


@pytest.mark.parametrize(
    ("root", "namespace", "name"),
    [
        ("file:///data/stage", "file", "/data/stage/salesforce/Order"),
        ("s3://bucket/crm", "s3://bucket", "crm/salesforce/Order"),
        ("s3://bucket", "s3://bucket", "salesforce/Order"),
        ("abfss://box@acme.dfs.core.windows.net/crm/", "abfss://box@acme.dfs.core.windows.net", "crm/salesforce/Order"),
    ],
)
def test_a_stage_is_named_by_its_storage(root: str, namespace: str, name: str) -> None:
    assert staged_object(ORDER, root) == DatasetName(namespace, name)


def test_every_staged_column_names_its_field_and_a_hash_masks_it() -> None:
    made = extracted(PROTECTED, COUNTS, host="acme.my.salesforce.com", stage_root="s3://b")

    (source,), (stage,) = made.inputs, made.outputs
    assert source.dataset == DatasetName("salesforce://acme.my.salesforce.com", "Order")
    assert {column.name: column.type for column in source.columns}["Name"] == "decimal"
    origins = {column.name: column.made_of[0] for column in stage.columns}
    assert list(origins) == list(PROTECTED.columns)
    assert all(origin.dataset == source.dataset for origin in origins.values())
    assert [name for name, origin in origins.items() if origin.masked] == ["name"]
    assert (stage.rows, stage.bytes, stage.files) == (3, 99, 1)


def test_published_columns_come_from_the_stage_in_the_warehouses_own_types() -> None:
    place = Database("snowflake://acme-prod", "crm")
    targets = {place.table("SALESFORCE", "ORDER"): 2, place.table("SALESFORCE_HISTORY", "ORDER"): None}

    made = published(ORDER, COUNTS, targets, stage_root="s3://b", type_of=column_type)

    assert [(use.dataset.name, use.rows) for use in made.outputs] == [
        ("CRM.SALESFORCE.ORDER", 2),
        ("CRM.SALESFORCE_HISTORY.ORDER", None),
    ]
    columns = {column.name: column for column in made.outputs[0].columns}
    assert (columns["AMOUNT"].type, columns["AMOUNT"].made_of[0].field) == ("NUMBER(38,2)", "amount")
    assert columns["_SOURCE_MODIFIED_AT"].made_of[0].field == "system_modstamp"
    assert columns["_RUN_ID"].made_of == ()
    inputs = {use.dataset for use in made.inputs}
    assert {origin.dataset for column in columns.values() for origin in column.made_of} <= inputs


def test_an_object_without_cursor_and_flag_has_no_origin_for_ours() -> None:
    made = published(ORDER_WITHOUT_CURSOR, COUNTS, {DatasetName("x", "y"): 0}, stage_root="s3://b", type_of=column_type)

    ours = [column for column in made.outputs[0].columns if column.name.startswith("_")]
    assert [column.made_of for column in ours] == [()] * len(ours)
