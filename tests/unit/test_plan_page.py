"""The page of a plan: the diff, what became of it, the ways on, everything escaped."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_patterns.core.change_rows import CHANGES
from crm_patterns.core.changes import Action, Change, Fate, FieldChange, RecordOutcome
from crm_patterns.core.ports import Intent, RunKey
from crm_patterns.core.staging import Manifest, ReadEvidence, StageAddress
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.plan_parts import PlanPart, Shown
from crm_patterns.patterns.write_gate import PlannedVolume
from crm_patterns.plan_page import render

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFEST = Manifest(
    StageAddress("<people>", "changes", Window(None, NOON, WindowKind.FULL), "t1"),
    CHANGES,
    ReadEvidence("plan", "", 2, 2, None, "2026-03-01T12:00:00+00:00", 0),
    2, 0, None, None, (), None,
)  # fmt: skip
UPDATE = Change(
    "hubspot", "contacts", Action.UPDATE, "501", "501",
    (FieldChange("jobtitle", "<b>CFO</b>", None, "changed in salesforce", "owner_wins"),),
)  # fmt: skip
CREATE = Change("hubspot", "contacts", Action.CREATE, "00Q1", fields=(FieldChange("email", None, "a@x.io"),))
PART = PlanPart([PlannedVolume("hubspot", "contacts", creates=1, updates=1, blanks=1)], (UPDATE, CREATE), 250, 3)


def page(shown: Shown | None = None, **known: RecordOutcome) -> str:
    run = RunKey("crm_marketing_sync", "run-1")
    intents = {i: Intent(i, run, NOON, outcome=outcome) for i, outcome in known.items()}
    return render(MANIFEST, PART, shown or Shown(first=100), known=intents, uri="s3://bucket/x")


def test_every_field_is_shown_before_and_after_with_its_reason_and_rule() -> None:
    text = page()

    for said in ("jobtitle", "∅", "a@x.io", "changed in salesforce", "owner_wins", "501", "for 00Q1", "3 pairs"):
        assert said in text


def test_the_way_on_keeps_what_was_asked_for() -> None:
    text = page(Shown(first=100, size=100, action="update"))

    assert "101–200 of 250" in text
    assert 'href="?first=200&amp;size=100&amp;action=update"' in text
    assert 'href="?size=100&amp;action=update"' in text


def test_what_became_of_a_change_is_said_and_why() -> None:
    refused = RecordOutcome(UPDATE.change_id, Fate.REJECTED, reason="<i>no such value</i>")
    text = page(**{UPDATE.change_id: refused})

    assert "rejected" in text
    assert "&lt;i&gt;no such value" in text
    assert text.count("not written yet") == 1


def test_nothing_of_a_plan_becomes_markup() -> None:
    text = page()

    assert "&lt;b&gt;CFO" in text
    assert "<b>" not in text
    assert "<people>" not in text
