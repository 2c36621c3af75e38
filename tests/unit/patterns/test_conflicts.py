"""Three-way comparison: both sides come to hold what the policy says, and then nothing is written any more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_patterns.core.changes import Agreement, Side
from crm_patterns.core.values import Value, is_blank, print_of
from crm_patterns.patterns.conflicts import Decision, FieldRule, Flow, Held, Policy, decide

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OWNED = FieldRule("title", policy=Policy.OWNER_WINS, owner=Side.LEFT)
NEWEST = FieldRule("title", policy=Policy.NEWEST_WINS)


def agreed(left: Value, right: Value) -> Agreement:
    return Agreement(print_of(left), print_of(right))


def at(minutes: float, value: Value) -> Held:
    return Held(value, NOON + timedelta(minutes=minutes))


@dataclass
class World:
    """Two stores, what they agreed on, and a clock that moves with every edit."""

    rule: FieldRule
    held: dict[Side, Value] = field(default_factory=lambda: dict.fromkeys(Side))
    stamps: dict[Side, datetime] = field(default_factory=lambda: dict.fromkeys(Side, NOON))
    agreement: Agreement | None = None
    minutes: int = 0
    writes: int = 0

    def edit(self, side: Side, value: Value) -> None:
        self.minutes += 5
        self.held[side], self.stamps[side] = value, NOON + timedelta(minutes=self.minutes)

    def plan(self) -> Decision:
        left, right = (Held(self.held[side], self.stamps[side]) for side in Side)
        return decide(self.rule, left, right, self.agreement)

    def apply(self, decision: Decision, *, dies: bool = False) -> None:
        """As the apply step does: what is not any more as it was planned on is not written."""
        if decision.write is not None:
            assert decision.agreement is not None
            if print_of(self.held[decision.write]) != decision.agreement.before:
                return
            self.edit(decision.write, decision.value)
            self.writes += 1
        if not dies and decision.agreement is not None:
            self.agreement = decision.agreement

    def rest(self) -> None:
        for _ in range(3):
            self.apply(self.plan())


VALUES = st.sampled_from(["a", "b", "c", None])
EDITS = st.tuples(st.just("edit"), st.sampled_from(Side), VALUES)
DELIVERIES = st.tuples(st.sampled_from(["cycle", "dies", "repeated"]), st.none(), st.none())
OVERTAKEN = st.tuples(st.just("overtaken"), st.sampled_from(Side), VALUES)
EVENTS = st.lists(EDITS | DELIVERIES | OVERTAKEN, max_size=12)
RULES = st.builds(
    FieldRule,
    st.just("title"),
    flow=st.sampled_from(Flow),
    policy=st.sampled_from([Policy.OWNER_WINS, Policy.NEWEST_WINS, Policy.FILL_BLANK, Policy.FURTHEST]),
    owner=st.sampled_from(Side),
    ranks=st.just(("a", "b", "c")),
)


def happen(world: World, events: list[tuple[str, Side | None, Value]]) -> None:
    for what, side, value in events:
        if what == "edit":
            assert side is not None
            world.edit(side, value)
            continue
        decision = world.plan()
        if what == "overtaken":
            assert side is not None
            world.edit(side, value)
        world.apply(decision, dies=what == "dies")
        if what == "repeated":
            world.apply(decision)


@settings(max_examples=500)
@given(RULES, EVENTS)
def test_however_edits_crashes_and_repeats_interleave_both_sides_come_to_rest(
    rule: FieldRule, events: list[tuple[str, Side | None, Value]]
) -> None:
    world = World(rule)
    happen(world, events)

    world.rest()
    before, held = world.writes, dict(world.held)
    for _ in range(20):
        world.apply(world.plan())

    assert (world.writes, world.held) == (before, held)
    left, right = (world.held[side] for side in Side)
    is_equal = print_of(left) == print_of(right)
    if rule.policy in (Policy.OWNER_WINS, Policy.NEWEST_WINS, Policy.FURTHEST) and rule.flow is Flow.BOTH:
        assert is_equal
    elif rule.policy is Policy.FILL_BLANK and rule.flow is Flow.BOTH:
        assert is_equal or not (is_blank(left) or is_blank(right))
    elif rule.source is not None and not is_blank(world.held[rule.source]) and rule.policy is Policy.OWNER_WINS:
        assert is_equal


@settings(max_examples=300)
@given(st.sampled_from([OWNED, NEWEST, replace(NEWEST, owner=Side.RIGHT)]), EVENTS, st.sampled_from(Side))
def test_a_real_edit_right_after_our_own_write_is_not_swallowed(
    rule: FieldRule, events: list[tuple[str, Side | None, Value]], side: Side
) -> None:
    world = World(rule)
    happen(world, events)
    world.rest()
    world.edit(side, "first")
    world.apply(world.plan())
    written = world.writes

    world.edit(side.other, "second")  # where our write has just gone
    world.rest()

    assert written > 0
    assert set(world.held.values()) == {"second"}


@given(st.lists(st.tuples(st.sampled_from(Side), st.sampled_from([True, False, None])), max_size=8))
def test_a_restriction_beats_every_edit_whenever_it_was_made(edits: list[tuple[Side, bool | None]]) -> None:
    world = World(FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE))

    for side, value in edits:
        world.edit(side, value)
        restricted = True in world.held.values()
        world.rest()
        assert set(world.held.values()) == {True} or not restricted


def test_a_blank_is_not_consent_and_false_replaces_no_blank() -> None:
    rule = FieldRule("opt_out", policy=Policy.MOST_RESTRICTIVE)

    assert decide(rule, Held(None), Held(False), None).write is None
    assert decide(rule, Held(None), Held(True), None).write is Side.LEFT


@pytest.mark.parametrize(
    ("rule", "left", "right", "was", "write"),
    [
        (OWNED, at(0, "x"), at(9, "y"), agreed("o", "o"), Side.RIGHT),  # both edited: the owner
        (OWNED, at(0, "o"), at(9, "y"), agreed("o", "o"), Side.LEFT),  # the other alone: it flows
        (OWNED, at(0, None), at(9, "o"), agreed("o", "o"), Side.RIGHT),  # the owner emptied it
        (OWNED, at(0, "o"), at(9, None), agreed("o", "o"), Side.RIGHT),  # the other emptied it: filled again
        (OWNED, at(0, None), at(9, "y"), None, Side.LEFT),  # first time: a blank replaces nothing
        (OWNED, at(0, "x"), at(9, "y"), agreed("x", "y"), None),  # undone by a person: nobody edited since
        (NEWEST, at(0, "x"), at(9, "y"), agreed("o", "o"), Side.LEFT),
        (NEWEST, at(9, "x"), at(0, "y"), agreed("o", "o"), Side.RIGHT),
        (NEWEST, at(1, "x"), at(0, "y"), agreed("o", "o"), None),  # within the tolerance: a person
        (replace(NEWEST, owner=Side.RIGHT), at(1, "x"), at(0, "y"), agreed("o", "o"), Side.LEFT),
        (NEWEST, Held("x"), at(0, "y"), agreed("o", "o"), None),  # a side without a clock
        (replace(OWNED, flow=Flow.LEFT_TO_RIGHT), at(0, "o"), at(9, "y"), agreed("o", "o"), Side.RIGHT),
        (replace(OWNED, flow=Flow.LEFT_TO_RIGHT), at(0, None), at(9, "y"), agreed(None, None), None),
        (FieldRule("t", policy=Policy.REVIEW), at(0, "x"), at(9, "y"), agreed("o", "o"), None),
        (FieldRule("t", policy=Policy.REVIEW), at(0, "o"), at(9, "y"), agreed("o", "o"), Side.LEFT),
        (FieldRule("t", policy=Policy.FURTHEST, ranks=("o", "x")), at(9, "o"), at(0, "x"), None, Side.LEFT),
    ],
)
def test_who_is_written(rule: FieldRule, left: Held, right: Held, was: Agreement | None, write: Side | None) -> None:
    assert decide(rule, left, right, was).write is write


def test_what_nobody_can_decide_is_written_nowhere_and_asks_a_person() -> None:
    decision = decide(NEWEST, at(1, "x"), at(0, "y"), agreed("o", "o"))
    unknown = decide(FieldRule("t", policy=Policy.FURTHEST, ranks=("o",)), at(0, "o"), at(0, "?"), None)

    assert (decision.write, decision.agreement) == (None, None)
    assert "nobody owns the field" in decision.review
    assert "'?' has no place" in unknown.review


def test_an_echo_of_our_own_write_is_no_edit_however_often_it_comes() -> None:
    world = World(OWNED)
    world.edit(Side.LEFT, "x")
    world.rest()
    ours = world.writes

    world.stamps[Side.RIGHT] = NOON + timedelta(days=1)  # the webhook, and the other side's stamp, say it changed
    world.rest()

    assert world.writes == ours == 1
