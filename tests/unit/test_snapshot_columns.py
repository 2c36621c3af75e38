"""The snapshot's page and its columns say the same."""

from __future__ import annotations

import re
from pathlib import Path

from crm_patterns.core.own_columns import HISTORY_COLUMNS
from crm_patterns.core.snapshots import OPPORTUNITY_SNAPSHOT

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "history.md").read_text()


def test_the_page_lists_every_column_with_its_meaning_in_its_order() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)

    assert told == [(column.column, column.means) for column in (*HISTORY_COLUMNS, *OPPORTUNITY_SNAPSHOT)]
