"""One linked pair of records, all of its fields: what each side has to be told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from crm_patterns.core.changes import Action, Agreement, Change, FieldChange, LinkEnds, Side
from crm_patterns.core.mapping import Plain, Translation, Untranslatable
from crm_patterns.core.reviews import Review
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import Value, is_blank, print_of
from crm_patterns.patterns.conflicts import Decision, FieldRule, Held, Policy, decide


@dataclass(frozen=True, slots=True)
class FieldEnd:
    """A field as one side names and says it."""

    name: str
    translation: Translation = Plain()  # noqa: RUF009 - frozen, without state


@dataclass(frozen=True, slots=True)
class FieldPair:
    """A field of both sides, and the rule that keeps it in step."""

    rule: FieldRule
    left: FieldEnd
    right: FieldEnd

    def end(self, side: Side) -> FieldEnd:
        return self.left if side is Side.LEFT else self.right


@dataclass(frozen=True, slots=True)
class End:
    """
    One side of a pairing. `own_key` is a field there that holds the other side's id, and is unique; empty without one.

    `find_by` is the field by which a record is found where there is no such field, or it is still empty (the mail
    address). `create_when`: fields, and the values (lower-case) one of which a record has in each of them, for a
    counterpart to be made of it; one that exists is kept in step in any case.
    """

    system: str
    object_name: str
    own_key: str = ""
    find_by: str = ""
    create_when: tuple[tuple[str, frozenset[str]], ...] = ()

    def is_worth_creating(self, record: TargetRecord) -> bool:
        """Whether a record of this side is one of those that the other side is to have."""
        return all(str(record.values.get(name) or "").lower() in values for name, values in self.create_when)


@dataclass(frozen=True, slots=True)
class RestrictingReason:
    """A field of one side that is only read: where it is not blank, the person is restricted (a hard bounce)."""

    side: Side
    field_name: str
    restricts: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which two objects are kept in step, and how."""

    name: str
    left: End
    right: End
    fields: tuple[FieldPair, ...]
    reasons: tuple[RestrictingReason, ...] = ()

    def end(self, side: Side) -> End:
        return self.left if side is Side.LEFT else self.right

    def names(self, side: Side) -> tuple[str, ...]:
        """The fields that have to be read on that side."""
        end = self.end(side)
        named = (pair.end(side).name for pair in self.fields)
        asked = (name for name, _ in end.create_when)
        return tuple(dict.fromkeys([*named, *([end.own_key] if end.own_key else []), *asked]))


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A value that the other side has no word for; the record's other fields wait, too, for a person to act."""

    side: Side
    record_id: str
    field_name: str
    value: Value
    allowed: tuple[str, ...]

    @property
    def reason(self) -> str:
        choice = f" It may be: {', '.join(self.allowed[:20])}." if self.allowed else ""
        return f"{self.field_name} is {self.value!r}, which is not mapped.{choice} Map the value, or correct it."


@dataclass(frozen=True, slots=True)
class PairPlan:
    """
    At most one change for each side, and one that writes nothing outside where something new is agreed.

    `answered` are reviews in which a person chose: the changes say so, and have yet to be written.
    """

    changes: tuple[Change, ...] = ()
    reviews: tuple[Review, ...] = ()
    answered: tuple[Review, ...] = ()
    problems: tuple[FieldProblem, ...] = ()


LINKS = "links"
"""The object name of changes that write nothing outside."""

KEY_RULE = "key"
"""The rule of the field that names the counterpart: the link decides it, and no policy does."""

Chosen = Callable[[Review], Side | None]
"""Which side a person chose in a review; None while it is open."""


def nobody_chose(review: Review) -> Side | None:  # noqa: ARG001
    return None


def compare(
    pairing: Pairing,
    link: LinkEnds,
    left: TargetRecord,
    right: TargetRecord,
    *,
    agreed: Mapping[str, Agreement],
    is_new: bool = False,
    chosen: Chosen = nobody_chose,
) -> PairPlan:
    """
    What makes the pair hold what the rules say. `agreed` by the rules' names.

    A value that cannot be translated stops the whole pair, except for restrictions: they never wait. A field that one
    of the two does not have is left as it is on the other.
    """
    records = {Side.LEFT: left, Side.RIGHT: right}
    fields: dict[Side | None, list[FieldChange]] = {Side.LEFT: [], Side.RIGHT: [], None: []}
    reviews, answered, problems = [], [], []
    for pair in (each for each in pairing.fields if _both_have(each, records)):
        try:
            held = {side: _held(pair, side, records[side]) for side in Side}
            known = agreed.get(pair.rule.name)
            decision = _by_name(pairing, decide(pair.rule, held[Side.LEFT], held[Side.RIGHT], known))
            if decision.review:
                review = Review(link, pair.rule.name, held[Side.LEFT].value, held[Side.RIGHT].value, decision.review)
                answer = _as_chosen(chosen(review), held)
                if answer is None:
                    reviews.append(review)
                    continue
                answered.append(review)
                decision = _by_name(pairing, answer)
            change = _field_change(pair, decision, records)
        except _NotMapped as unknown:
            record = records[unknown.side]
            name = pair.end(unknown.side).name
            problems.append(FieldProblem(unknown.side, record.record_id, name, unknown.value, unknown.allowed))
            continue
        if decision.write or not _is_known(decision, agreed.get(pair.rule.name, BOTH_BLANK)):
            fields[decision.write].append(change)
    for side in Side:
        fields[side] += _naming(pairing, side, records[side], link)
    if problems:
        fields = {side: _unstoppable(some) if side else [] for side, some in fields.items()}
    changes = tuple(_changes(pairing, link, fields, is_new=is_new and not problems))
    return PairPlan(changes, tuple(reviews), tuple(answered), tuple(problems))


def create(pairing: Pairing, side: Side, record: TargetRecord, *, link: LinkEnds) -> PairPlan:
    """The record that `side` lacks, made of its counterpart: every field that flows there and is not blank."""
    end, source = pairing.end(side), side.other
    empty = TargetRecord("")
    records = {side: empty, source: record}
    fields, problems = [], []
    for pair in pairing.fields:
        try:
            held = _held(pair, source, record)
            if pair.rule.may_write(side) and _is_worth_saying(pair, held.value):
                both = print_of(held.value)
                agreement = Agreement(both, both, side.value, print_of(None))
                decision = Decision(side, held.value, "there is no counterpart yet", agreement=agreement)
                fields.append(_field_change(pair, decision, records))
        except _NotMapped as unknown:
            name = pair.end(source).name
            problems.append(FieldProblem(source, record.record_id, name, unknown.value, unknown.allowed))
    if problems:
        return PairPlan(problems=tuple(problems))
    if end.own_key:
        fields.append(FieldChange(end.own_key, None, record.record_id, "names its counterpart", KEY_RULE))
    wanted = {each.name: each.after for each in fields}
    by = end.own_key or end.find_by
    lookup = (by, str(wanted[by])) if wanted.get(by) is not None else None
    change = Change(
        end.system, end.object_name, Action.CREATE, record.record_id, fields=tuple(fields), lookup=lookup, link=link
    )
    return PairPlan((change,))


def _is_worth_saying(pair: FieldPair, value: Value) -> bool:
    """To a record that does not exist yet. That somebody is not restricted goes without saying: it is no consent."""
    if pair.rule.policy is Policy.MOST_RESTRICTIVE:
        return value is True
    return not is_blank(value)


class _NotMapped(Exception):
    def __init__(self, side: Side, cause: Untranslatable) -> None:
        super().__init__(str(cause))
        self.side, self.value, self.allowed = side, cause.value, cause.allowed


def _naming(pairing: Pairing, side: Side, record: TargetRecord, link: LinkEnds) -> list[FieldChange]:
    """The own key, where it does not name the counterpart: it was found by another key, converted or merged."""
    name, wanted = pairing.end(side).own_key, link.id_of(side.other)
    present = record.values.get(name) if name else None
    if not name or name in record.lacks or present == wanted:
        return []
    return [FieldChange(name, None if is_blank(present) else present, wanted, "names its counterpart", KEY_RULE)]


def _both_have(pair: FieldPair, records: Mapping[Side, TargetRecord]) -> bool:
    return all(pair.end(side).name not in record.lacks for side, record in records.items())


def _held(pair: FieldPair, side: Side, record: TargetRecord) -> Held:
    end = pair.end(side)
    try:
        return Held(end.translation.to_canonical(record.values.get(end.name)), record.modified_at)
    except Untranslatable as unknown:
        raise _NotMapped(side, unknown) from unknown


def _field_change(pair: FieldPair, decision: Decision, records: Mapping[Side, TargetRecord]) -> FieldChange:
    """In the written side's own words; where nothing is written, only what is agreed."""
    rule, side = pair.rule, decision.write
    if side is None:
        return FieldChange(rule.name, None, None, decision.reason, rule.policy.value, decision.agreement)
    end = pair.end(side)
    present = records[side].values.get(end.name)
    try:
        after = end.translation.to_native(decision.value, present=present)
    except Untranslatable as unknown:
        raise _NotMapped(side.other, unknown) from unknown
    before = None if is_blank(present) else present
    return FieldChange(end.name, before, after, decision.reason, rule.policy.value, decision.agreement, rule.name)


def _as_chosen(side: Side | None, held: Mapping[Side, Held]) -> Decision | None:
    """The chosen side's value for the other."""
    if side is None:
        return None
    both, other = print_of(held[side].value), side.other
    agreement = Agreement(both, both, other.value, print_of(held[other].value))
    return Decision(other, held[side].value, f"a person chose {side}", agreement=agreement)


def _by_name(pairing: Pairing, decision: Decision) -> Decision:
    """People know the systems by their names, and not as left and right."""

    def named(text: str) -> str:
        return _SIDE.sub(lambda side: pairing.end(Side(side[0])).system, text)

    return replace(decision, reason=named(decision.reason), review=named(decision.review))


_SIDE = re.compile(r"\b(left|right)\b")

BOTH_BLANK = Agreement(print_of(None), print_of(None))
"""What was never compared counts as agreed where both sides hold nothing."""


def _is_known(decision: Decision, agreed: Agreement) -> bool:
    now = decision.agreement
    return now is not None and (now.left, now.right) == (agreed.left, agreed.right)


def _unstoppable(fields: list[FieldChange]) -> list[FieldChange]:
    return [each for each in fields if each.rule == Policy.MOST_RESTRICTIVE]


def _changes(
    pairing: Pairing, link: LinkEnds, fields: Mapping[Side | None, list[FieldChange]], *, is_new: bool
) -> Iterator[Change]:
    for side in Side:
        end = pairing.end(side)
        record_id = link.id_of(side)
        if fields[side]:
            lookup = (end.own_key, link.id_of(side.other)) if end.own_key else None
            yield Change(
                end.system, end.object_name, Action.UPDATE, record_id, record_id, tuple(fields[side]), lookup, link
            )
    if fields[None] or is_new:
        yield Change(pairing.name, LINKS, Action.LINK, link.link_id, fields=tuple(fields[None]), link=link)
