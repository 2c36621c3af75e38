"""A task that only extracts pays for Arrow, and for no library of data frames."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

STAGE_A_PAGE = """
import io, sys, tempfile
from datetime import UTC, datetime
from pyarrow import csv
from fsspec.implementations.local import LocalFileSystem
from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.records import Page
from crm_patterns.core.staging import ReadEvidence, StageAddress
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.warehouse.stage import ParquetStage
fields = (ContractField("Id", "id", FieldKind.TEXT), ContractField("At", "at", FieldKind.TIMESTAMP))
contract = ObjectContract("salesforce", "Account", "ACCOUNT", fields, "Id", "At", None)
window = Window(None, datetime(2026, 3, 1, tzinfo=UTC), WindowKind.FULL)
types = csv.ConvertOptions(column_types=arrow_schema(contract))
rows = csv.read_csv(io.BytesIO(b"id,at\\n1,2026-01-01T00:00:00Z\\n"), convert_options=types).to_batches()[0]
stage = ParquetStage(LocalFileSystem(), tempfile.mkdtemp())
with stage.open(StageAddress("salesforce", "Account", window, "a1"), contract) as writer:
    writer.write(Page(rows))
    ref = writer.commit(ReadEvidence("rest", "few", 1, 1, None, "2026-03-01T00:00:00+00:00", 1))
assert ref.rows == 1
print("pandas" in sys.modules, "great_expectations" in sys.modules)
"""


def test_staging_a_page_loads_no_pandas() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STAGE_A_PAGE], env={"PYTHONPATH": str(ROOT / "plugins")}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip

    assert done.stdout.split() == ["False", "False"], done.stderr
