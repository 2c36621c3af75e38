"""What of a plan goes on when some of its records or changes break a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crm_patterns.core.changes import Action, Change, ChangeSet, FieldChange, Side
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.patterns.conflicts import Policy
from crm_patterns.patterns.sync_audit import column_of, places


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A record of `side`, or with None a change, by its key, breaks a rule about a column."""

    side: Side | None
    key: str
    rule: str
    column: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What goes on, and every change of which something was taken out, with the rule that did."""

    changes: ChangeSet
    taken_out: tuple[tuple[Change, BrokenRule], ...] = ()


def take_out(pairing: Pairing, changes: ChangeSet, broken: Iterable[BrokenRule]) -> Checked:
    """
    A change goes on whole, or not at all: a half of what was planned would be nobody's plan.

    Restrictions are the exception, they never wait: of an update they go on, unless they are what breaks the rule.
    """
    found = {(each.side, each.key): each for each in reversed(list(broken))}
    kept, taken_out = [], []
    for change in changes:
        names = [(None, change.change_id), *places(pairing, change)]
        rule = next((found[name] for name in names if name in found), None)
        rest = change if rule is None else _restrictions(change, rule)
        if rest is not None:
            kept.append(rest)
        if rule is not None and rest is not change:
            taken_out.append((change, rule))
    return Checked(ChangeSet(tuple(kept)), tuple(taken_out))


def _restrictions(change: Change, rule: BrokenRule) -> Change | None:
    """The change itself where it is nothing but restrictions."""
    if change.action is not Action.UPDATE:
        return None
    fields = tuple(each for each in change.fields if _goes_on(change, each, rule))
    if len(fields) == len(change.fields):
        return change if fields else None
    return replace(change, fields=fields) if fields else None


def _goes_on(change: Change, field: FieldChange, rule: BrokenRule) -> bool:
    if field.rule != Policy.MOST_RESTRICTIVE or field.before == field.after:
        return False
    return rule.side is not None or rule.column != column_of(change.system, field.name)
