"""The page of a stage: its numbers and files, everything escaped."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.staging import Manifest, PartFile, ReadEvidence, StageAddress
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.stage_page import render

CONTRACT = ObjectContract(
    "salesforce", "Account", "ACCOUNT", (ContractField("Id", "id", FieldKind.TEXT),), "Id", None, None
)
WINDOW = Window(None, datetime(2026, 3, 1, tzinfo=UTC), WindowKind.FULL)
MANIFEST = Manifest(
    address=StageAddress("salesforce", "Account", WINDOW, "20260301t1"),
    contract=CONTRACT,
    evidence=ReadEvidence("bulk", "<b>many</b> rows", 1234, 1234, "7501", "2026-03-01T00:00:00+00:00", 9),
    rows=1234,
    rejected=0,
    min_cursor=None,
    max_cursor=None,
    parts=(PartFile("part-00000.parquet", 1234, 5678, "abc"),),
    rejected_part=None,
)


def test_the_page_tells_counts_files_and_columns() -> None:
    page = render(MANIFEST, uri="s3://bucket/salesforce/Account")

    for text in ("Account: 1,234 rows staged", "part-00000.parquet", "5,678", "the beginning of time", "7501", "s3://"):
        assert text in page


def test_nothing_of_the_manifest_becomes_markup() -> None:
    page = render(MANIFEST, uri="s3://<script>")

    assert "<b>many" not in page
    assert "&lt;b&gt;many" in page
    assert "<script>" not in page
