from __future__ import annotations

import json
from datetime import UTC, datetime

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.references import CheckedRef, LoadedRef, PublishedRef
from crm_patterns.core.staging import Manifest, PartFile, ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind

CONTRACT = ObjectContract(
    "salesforce",
    "Account",
    "ACCOUNT",
    (
        ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False),
        ContractField("Stage", "stage", FieldKind.TEXT, values=("New",), references=("User",)),
        ContractField("SystemModstamp", "system_modstamp", FieldKind.TIMESTAMP),
    ),
    key="Id",
    cursor="SystemModstamp",
    deleted_flag=None,
)


def test_a_manifest_survives_the_way_through_json() -> None:
    window = Window(None, datetime(2026, 3, 1, tzinfo=UTC), WindowKind.FULL)
    evidence = ReadEvidence("bulk", "large", 3, 3, "750x", "2026-03-01T00:00:00+00:00", 7)
    manifest = Manifest(
        address=StageAddress("salesforce", "Account", window, "a1"),
        contract=CONTRACT,
        evidence=evidence,
        rows=2,
        rejected=1,
        min_cursor=None,
        max_cursor=None,
        parts=(PartFile("part-00000.parquet", 2, 10, "ff"),),
        rejected_part=PartFile("rejected-00000.parquet", 1, 5, "ee"),
    )

    assert Manifest.from_json(json.loads(json.dumps(manifest.to_json()))) == manifest


def test_the_reference_that_travels_survives_json_at_every_stage() -> None:
    published = PublishedRef(
        CheckedRef(LoadedRef(StageRef("file:///x", 2, 0, "cc"), "T", 2), "", 0, "/docs"), 2, Tally(read=2, created=2)
    )

    assert PublishedRef.from_xcom(json.loads(json.dumps(published.to_xcom()))) == published


def test_a_tally_balances_only_when_every_record_ends_somewhere() -> None:
    assert Tally(read=3, created=1, unchanged=1, rejected=1).is_balanced
    assert not Tally(read=3, created=1).is_balanced
    assert (Tally(read=1, created=1) + Tally(read=2, updated=2)) == Tally(read=3, created=1, updated=2)
