"""A change set is the same after it was staged, whatever its values are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from fsspec.implementations.local import LocalFileSystem
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.change_rows import change_set_of, rows_of
from crm_patterns.core.changes import Action, Agreement, Change, ChangeSet, FieldChange, LinkEnds
from crm_patterns.core.staging import StageAddress
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.steps.staged_changes import read_changes, stage_changes
from crm_patterns.warehouse.stage import ParquetStage

VALUES = st.sampled_from(
    [None, "", "null", "x;ü\n|", True, False, 7, Decimal("1.20"), date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)]
)
LINK = LinkEnds("l", "people", "Lead", "00Q1", "contacts", "")
FIELDS = st.builds(
    FieldChange, st.sampled_from("abcd"), VALUES, VALUES, st.text(max_size=5), st.just("owner_wins"),
    st.none() | st.just(Agreement("p", "q", "right", "r")), st.sampled_from(["", "title"]),
)  # fmt: skip
CHANGES = st.builds(
    Change, st.sampled_from(["hubspot", "salesforce"]), st.just("contacts"),
    st.sampled_from([Action.CREATE, Action.DELETE, Action.LINK]), st.text(min_size=1, max_size=3),
    st.sampled_from(["", "7"]), st.lists(FIELDS, unique_by=lambda f: f.name, max_size=3).map(tuple),
    st.none() | st.just(("sf_id", "00Q1")), st.none() | st.just(LINK), st.sampled_from(["", "001"]),
)  # fmt: skip
SETS = st.lists(CHANGES, unique_by=lambda c: (c.system, c.key), max_size=4).map(ChangeSet.of)


@given(SETS)
def test_rows_bring_the_change_set_back(changes: ChangeSet) -> None:
    rows = list(rows_of(changes))

    assert change_set_of(rows) == changes
    assert len(rows) == sum(max(1, len(change.fields)) for change in changes)


def test_a_staged_change_set_is_read_back_whole_and_an_empty_one_too(tmp_path: Path) -> None:
    stage = ParquetStage(LocalFileSystem(), str(tmp_path))
    window = Window(None, datetime(2026, 3, 1, tzinfo=UTC), WindowKind.FULL)
    fields = tuple(FieldChange(name, None, Decimal("1.20"), agreement=Agreement("p", "q")) for name in "abcdef")
    many = ChangeSet.of(
        Change("hubspot", "contacts", Action.UPDATE, f"{n:05d}", f"{n:05d}", fields, link=LINK) for n in range(2_500)
    )

    for attempt, changes in (("one", many), ("two", ChangeSet())):
        ref = stage_changes(stage, StageAddress("people", "changes", window, attempt), changes, planned_at="now")
        assert read_changes(stage, ref) == changes
