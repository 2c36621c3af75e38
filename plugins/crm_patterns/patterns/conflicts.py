"""
Two sides of one field, and what they last agreed on: who writes what to whom.

A side has changed where it no longer holds what it held when both last agreed. Our own write is part of an agreement,
so that it is never taken for an edit, whichever way and however often it comes back; whoever edits right after it
holds another value, and is seen. At most one side is written, and what is undecidable is written nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crm_patterns.core.changes import Agreement, Side
from crm_patterns.core.values import Value, is_blank, print_of


class Flow(StrEnum):
    """In which direction a field flows. One way, the side it comes from is its owner."""

    LEFT_TO_RIGHT = "left_to_right"
    RIGHT_TO_LEFT = "right_to_left"
    BOTH = "both"


class Policy(StrEnum):
    """What happens where both sides changed, or were never compared."""

    OWNER_WINS = "owner_wins"
    NEWEST_WINS = "newest_wins"
    FILL_BLANK = "fill_blank"  # a value that is there is never replaced, edited or not
    MOST_RESTRICTIVE = "most_restrictive"  # true on any side is true on all, whoever changed what and when
    FURTHEST = "furthest"  # the later of the field's `ranks`, never back
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """
    How one field is kept in step. `owner` is who wins where the policy cannot tell; None asks a person.

    `tolerance`: two times that are no further apart are the same time. Clocks of two systems differ, and many count in
    whole seconds: at least 2 s. `ranks` are canonical values in the order in which they are reached.
    """

    name: str
    flow: Flow = Flow.BOTH
    policy: Policy = Policy.OWNER_WINS
    owner: Side | None = None
    tolerance: timedelta = timedelta(minutes=2)
    ranks: tuple[str, ...] = ()

    @property
    def source(self) -> Side | None:
        """The side whose word counts: the owner, or where a field that flows one way comes from."""
        one_way = {Flow.LEFT_TO_RIGHT: Side.LEFT, Flow.RIGHT_TO_LEFT: Side.RIGHT}
        return one_way.get(self.flow, self.owner)

    def may_write(self, side: Side) -> bool:
        return self.flow is Flow.BOTH or side is not self.source


@dataclass(frozen=True, slots=True)
class Held:
    """What a side holds of the field, in canonical form, and when it changed as far as the side tells (UTC)."""

    value: Value
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    `write` says which side gets `value`; None where neither does. `review` is why a person has to decide; empty where
    nobody has to. `agreement` is what both sides hold afterwards, None where that is undecided.
    """

    write: Side | None = None
    value: Value = None
    reason: str = ""
    review: str = ""
    agreement: Agreement | None = None


def decide(rule: FieldRule, left: Held, right: Held, agreed: Agreement | None) -> Decision:
    """What to do about one field of a linked pair. `agreed` None: they were never compared."""
    if print_of(left.value) == print_of(right.value):
        return _settled(left, right, "both hold the same")
    match rule.policy:
        case Policy.MOST_RESTRICTIVE:
            return _most_restrictive(rule, left, right)
        case Policy.FURTHEST:
            return _furthest(rule, left, right)
        case Policy.FILL_BLANK:
            return _fill_blank(rule, left, right)
    changed = _changed(left, right, agreed)
    if not changed:
        return _settled(left, right, "neither side changed since they last agreed")
    if agreed is not None and len(changed) == 1:
        return _one_edit(rule, left, right, changed[0])
    return _both_edited(rule, left, right, is_first=agreed is None)


def _changed(left: Held, right: Held, agreed: Agreement | None) -> Sequence[Side]:
    if agreed is None:
        return (Side.LEFT, Side.RIGHT)
    pairs = ((Side.LEFT, left.value, agreed.left), (Side.RIGHT, right.value, agreed.right))
    return [side for side, value, was in pairs if print_of(value) != was]


def _one_edit(rule: FieldRule, left: Held, right: Held, edited: Side) -> Decision:
    held = left if edited is Side.LEFT else right
    if not rule.may_write(edited.other):
        if is_blank((right if edited is Side.LEFT else left).value):
            return _settled(left, right, f"{edited} filled what is blank at {edited.other}; a blank replaces nothing")
        return _write(edited, left, right, f"only {edited.other} may change it")
    if is_blank(held.value) and rule.source is not edited:
        return _write(edited, left, right, f"{edited} was emptied, and a blank passes on from the owner alone")
    return _write(edited.other, left, right, f"{edited} was edited")


def _both_edited(rule: FieldRule, left: Held, right: Held, *, is_first: bool) -> Decision:
    why = "first comparison" if is_first else "both sides were edited"
    blank = next((side for side, held in _sides(left, right) if is_blank(held.value)), None)
    if blank is not None and (is_first or rule.source is not blank):
        if rule.may_write(blank):
            return _write(blank, left, right, f"{why}: {blank} is blank")
        return _settled(left, right, f"{why}: a blank replaces nothing")
    if rule.flow is not Flow.BOTH and rule.source is not None:
        return _write(rule.source.other, left, right, f"{why}: the field comes from {rule.source}")
    if rule.policy is Policy.OWNER_WINS and rule.owner is not None:
        return _write(rule.owner.other, left, right, f"{why}: {rule.owner} owns the field")
    if rule.policy is Policy.NEWEST_WINS:
        return _newest(rule, left, right, why)
    return Decision(review=f"{why}, and no rule says which one counts")


def _newest(rule: FieldRule, left: Held, right: Held, why: str) -> Decision:
    if left.changed_at is not None and right.changed_at is not None:
        apart = left.changed_at - right.changed_at
        if abs(apart) > rule.tolerance:
            newer = Side.LEFT if apart > timedelta(0) else Side.RIGHT
            return _write(newer.other, left, right, f"{why}: {newer} is newer by {abs(apart)}")
    if rule.owner is not None:
        return _write(rule.owner.other, left, right, f"{why} at about the same time: {rule.owner} owns the field")
    return Decision(review=f"{why} at about the same time, and nobody owns the field")


def _most_restrictive(rule: FieldRule, left: Held, right: Held) -> Decision:
    """True travels everywhere. A blank is not consent, so false replaces neither a blank nor anything else."""
    for side, held in _sides(left, right):
        if held.value is True:
            if not rule.may_write(side.other):
                return Decision(review=f"{side} restricts, and the settings do not let {side.other} be written")
            return _write(side.other, left, right, f"{side} restricts, and the most restrictive wins")
    return _settled(left, right, "neither side restricts, and a blank is not consent")


def _furthest(rule: FieldRule, left: Held, right: Held) -> Decision:
    order = {value: number for number, value in enumerate(rule.ranks)}
    unknown = [held.value for held in (left, right) if not is_blank(held.value) and held.value not in order]
    if unknown:
        return Decision(review=f"{unknown[0]!r} has no place in the order of the field")
    left_at, right_at = (-1 if is_blank(held.value) else order[str(held.value)] for held in (left, right))
    ahead = Side.LEFT if left_at > right_at else Side.RIGHT
    if not rule.may_write(ahead.other):
        return _settled(left, right, f"{ahead} is further, and {ahead.other} is not written")
    return _write(ahead.other, left, right, f"{ahead} is further, and nothing goes back")


def _fill_blank(rule: FieldRule, left: Held, right: Held) -> Decision:
    for side, held in _sides(left, right):
        if is_blank(held.value) and rule.may_write(side):
            return _write(side, left, right, f"{side} is blank")
    return _settled(left, right, "a value that is there is never replaced")


def _sides(left: Held, right: Held) -> Sequence[tuple[Side, Held]]:
    return ((Side.LEFT, left), (Side.RIGHT, right))


def _settled(left: Held, right: Held, reason: str) -> Decision:
    return Decision(reason=reason, agreement=Agreement(print_of(left.value), print_of(right.value)))


def _write(side: Side, left: Held, right: Held, reason: str) -> Decision:
    held, source = (left, right) if side is Side.LEFT else (right, left)
    both = print_of(source.value)
    return Decision(side, source.value, reason, agreement=Agreement(both, both, side.value, print_of(held.value)))
