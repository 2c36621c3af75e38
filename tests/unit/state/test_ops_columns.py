"""The published columns: one list in the code, the same in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.ops import OPS_DATASETS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "ops-tables.md").read_text()


@pytest.mark.parametrize("dataset", OPS_DATASETS)
def test_the_docs_list_the_columns_of_the_code(dataset: str) -> None:
    chapter = re.split(r"^## ", PAGE.split(f"## OPS.{dataset.upper()}\n")[1], flags=re.MULTILINE)[0]
    written = re.findall(r"^\| `(\w+)` \| (\w+) \| (yes)? *\| (.+) \|$", chapter, flags=re.MULTILINE)

    assert written == [(c.name, c.kind.value, "yes" if c.is_key else "", c.means) for c in OPS_DATASETS[dataset]]


@pytest.mark.parametrize("dataset", OPS_DATASETS)
def test_a_dataset_has_a_key_that_is_text_and_no_column_twice(dataset: str) -> None:
    columns = OPS_DATASETS[dataset]

    assert {"dag_id", "run_id"} <= {column.name for column in columns if column.is_key}
    assert all(column.kind is FieldKind.TEXT for column in columns if column.is_key)
    assert len({column.name for column in columns}) == len(columns)
