"""A plan in pages: every change is on one of them, whole, and the counts are of the whole plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.changes import Action, Change, ChangeSet, FieldChange
from crm_patterns.core.ports import Stage
from crm_patterns.core.staging import StageAddress, StageRef
from crm_patterns.patterns.plan_parts import PlanPart, Shown
from crm_patterns.patterns.write_gate import PlannedVolume
from crm_patterns.steps.staged_changes import stage_changes
from crm_patterns.steps.view_plan import view_plan
from crm_patterns.warehouse.stage import ParquetStage
from tests.two_systems import EVER


def change(action: Action, key: str, *fields: FieldChange, system: str = "hubspot") -> Change:
    return Change(system, "contacts", action, key, "" if action is Action.CREATE else key, fields)


PLAN = ChangeSet.of(
    [
        *(change(Action.UPDATE, f"u{n}", FieldChange("a", "1", "2"), FieldChange("b", "x", None)) for n in range(7)),
        change(Action.CREATE, "c1", FieldChange("a", None, "new")),
        change(Action.DELETE, "d1"),
        change(Action.LINK, "l1", system="salesforce"),
    ]
)


@pytest.fixture
def staged(tmp_path: Path) -> tuple[Stage, StageRef]:
    stage = ParquetStage(LocalFileSystem(), str(tmp_path))
    return stage, stage_changes(stage, StageAddress("people", "changes", EVER, "a1"), PLAN, planned_at="now")


def part(staged: tuple[Stage, StageRef], **shown: object) -> PlanPart:
    return view_plan(*staged, Shown(**shown))  # type: ignore[arg-type]


def test_the_pages_together_are_the_plan_and_each_counts_all_of_it(staged: tuple[Stage, StageRef]) -> None:
    pages = [part(staged, first=first, size=4) for first in (0, 4, 8)]

    assert tuple(change for page in pages for change in page.changes) == tuple(PLAN.writes)
    assert [len(page.changes) for page in pages] == [4, 4, 1]
    for page in pages:
        assert page.volumes == [PlannedVolume("hubspot", "contacts", creates=1, updates=7, deletes=1, blanks=7)]
        assert (page.matching, page.links) == (9, 1)


def test_a_page_can_be_of_one_action_alone(staged: tuple[Stage, StageRef]) -> None:
    only = part(staged, system="hubspot", object_name="contacts", action="delete")

    assert [change.key for change in only.changes] == ["d1"]
    assert (only.matching, only.volumes[0].updates) == (1, 7)


def test_a_page_beyond_the_end_and_an_empty_plan_show_nothing(staged: tuple[Stage, StageRef], tmp_path: Path) -> None:
    stage = ParquetStage(LocalFileSystem(), f"{tmp_path}/empty")
    empty = stage_changes(stage, StageAddress("people", "changes", EVER, "a1"), ChangeSet(), planned_at="now")

    assert part(staged, first=100).changes == ()
    assert view_plan(stage, empty, Shown()) == PlanPart([], (), 0, 0)
