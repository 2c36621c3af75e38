"""When a person is asked before anything is written, and what they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.core.changes import Action, Change, ChangeSet, FieldChange
from crm_patterns.patterns.write_gate import GateRules, PlannedVolume, alarms, question

RULES = GateRules(records=100, share=0.1, share_at_least=10, deletes=0, blanks=5)


def volume(**counts: int) -> PlannedVolume:
    return PlannedVolume("hubspot", "contacts", **counts)


@pytest.mark.parametrize(
    ("planned", "asks"),
    [
        (volume(), False),
        (volume(creates=100), False),
        (volume(creates=60, updates=41), True),
        (volume(deletes=1), True),
        (volume(updates=6, blanks=6), True),
        (volume(updates=9, held=10), False),  # most of them, but few
        (volume(updates=10, held=100), False),  # exactly a tenth
        (volume(updates=11, held=100), True),
        (volume(updates=10, held=0), True),
        (volume(creates=50, held=100), False),  # new ones change none of those
    ],
)
def test_a_person_is_asked_only_where_much_is_written(planned: PlannedVolume, asks: bool) -> None:
    assert bool(alarms([planned], RULES)) is asks


COUNTS = st.integers(0, 300)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.none() | COUNTS)
def test_writing_more_never_asks_less(creates: int, updates: int, deletes: int, blanks: int, held: int | None) -> None:
    before = PlannedVolume("s", "o", creates, updates, deletes, blanks, held)
    more = PlannedVolume("s", "o", creates + 1, updates + 1, deletes + 1, blanks + 1, held)

    assert len(alarms([more], RULES)) >= len(alarms([before], RULES))
    assert alarms([before], GateRules(None, None, 0, None, None)) == []


def test_the_question_shows_numbers_reasons_and_the_gravest_changes_first() -> None:
    edit = FieldChange("title", "CEO | <b>", None, "left was emptied")
    changes = ChangeSet.of(
        [Change("hubspot", "contacts", Action.UPDATE, f"{n}", f"{n}", (edit,)) for n in range(3)]
        + [Change("hubspot", "contacts", Action.DELETE, "9", "9")]
        + [Change("people", "links", Action.LINK, "l")]
    )

    asked = question(changes, RULES, held={("hubspot", "contacts"): 1_000})

    assert asked is not None
    assert asked.subject == "hubspot contacts: 1 records would be deleted, more than 0"
    assert [change.key for change in asked.sample] == ["9", "0", "1", "2"]
    for part in ("| hubspot | contacts | 0 | 3 | 1 | 3 |", "CEO \\| &lt;b>", "∅", "**Approve**", "**Reject**"):
        assert part in asked.body
    assert question(changes, GateRules(deletes=1), held={}) is None
