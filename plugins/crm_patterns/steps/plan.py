"""
Two systems, as they are now and as they last agreed → a change set. Writes nothing outside.

Who changed is read on both sides; everything else (counterparts, duplicates, what is there already) is asked for by id
or key, so that a plan of ten changes costs what ten changes cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crm_patterns.core.changes import Action, Change, ChangeSet, LinkEnds, RecordOutcome, Side
from crm_patterns.core.identity import Matching, Refusal
from crm_patterns.core.ports import RunKey, Sink, State
from crm_patterns.core.reviews import Review
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window
from crm_patterns.patterns.comparison import FieldProblem, Pairing, PairPlan, compare, create
from crm_patterns.patterns.consent import ConsentGiven
from crm_patterns.patterns.consent_changes import consent_changes, merged, restricted_creates
from crm_patterns.patterns.consent_ledger import elsewhere, emails_of
from crm_patterns.patterns.preflight import check
from crm_patterns.steps.counterparts import (
    Ids,
    Records,
    fetch,
    find_counterparts,
    find_people,
    is_living,
    key_of,
    match_records,
    new_link,
    unlinked,
)


@dataclass(frozen=True, slots=True)
class PlanOrder:
    """
    What to compare: what changed in a side's window, and the records that are named by id (a webhook's, a person's).

    `creates` are the sides on which a missing counterpart is made. `emails` are persons whom a system has restricted
    since the last plan: their records are looked at on both sides.
    """

    run: RunKey
    pairing: Pairing
    windows: Mapping[Side, Window] = field(default_factory=dict)
    ids: Ids = field(default_factory=dict)
    creates: frozenset[Side] = frozenset()
    given: tuple[ConsentGiven, ...] = ()
    emails: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every record of both sides is read, so that no counterpart can be left to be asked for."""
        return all(side in self.windows and self.windows[side].start is None for side in Side)


@dataclass(frozen=True, slots=True)
class LinkMove:
    """A linked record that was converted or merged."""

    side: Side
    old_id: str
    new_id: str


@dataclass(frozen=True, slots=True)
class Planned:
    """
    The changes, and where every record that was read and is not among them went.

    `refused` are changes that the target would not take, with the outcome that says why; `duplicates` and `problems`
    wait for a person to correct them, `reviews` for one to decide; those that were `answered` are among the changes.
    `gone` are linked pairs of which a side was deleted: nothing is made anew. `moves` are links whose records have
    other ids now. `compared` are the links that were looked at, `in_step` the records of each side that need nothing,
    `records` all that were looked at, by their ids; `clear` are those of both sides about which nothing is left to do:
    in step, alone, or not there any more.
    """

    changes: ChangeSet
    refused: tuple[tuple[Change, RecordOutcome], ...] = ()
    duplicates: tuple[Refusal, ...] = ()
    problems: tuple[FieldProblem, ...] = ()
    reviews: tuple[Review, ...] = ()
    answered: tuple[Review, ...] = ()
    gone: tuple[LinkEnds, ...] = ()
    moves: tuple[LinkMove, ...] = ()
    compared: tuple[str, ...] = ()
    in_step: Mapping[Side, tuple[str, ...]] = field(default_factory=dict)
    clear: frozenset[str] = frozenset()
    read: Mapping[Side, int] = field(default_factory=dict)
    records: Mapping[Side, Mapping[str, TargetRecord]] = field(default_factory=dict)


def plan(sinks: Mapping[Side, Sink], state: State, order: PlanOrder) -> Planned:
    """
    Reads both sides and the state, and writes neither. The same stores give the same plan.

    A conversion or a merge is followed: what was linked to the record that is no more is compared with the one left.
    """
    pairing = order.pairing
    records = _changed(sinks, order)
    if order.emails and not order.is_whole:
        find_people(sinks, pairing, records, order.emails)
    read = {side: len(records[side]) for side in Side}
    links, moves = _follow_moves(sinks, pairing, records, _links(state, pairing, records))
    fetch(sinks, pairing, records, {side: [link.id_of(side) for link in links] for side in Side})
    alone = {side: unlinked(records, links, side) for side in Side}
    if any(alone.values()) and not order.is_whole:
        find_counterparts(sinks, pairing, records, alone)
        links = list({link.link_id: link for link in (*_links(state, pairing, records), *links)}.values())
    matching = match_records(pairing, records, links)
    plans, gone, compared = _compare(state, pairing, records, links, matching)
    plans += _creates(order, records, matching)
    busy = {(p.side, p.record_id) for each in plans for p in each.problems}
    others = elsewhere(pairing, records, state.restrictions_of(emails_of(pairing, records)))
    changes = restricted_creates(pairing, (c for each in plans for c in each.changes), records, others)
    everyone = [*links, *(new_link(pairing, left, right) for left, right in matching.found)]
    consent = consent_changes(pairing, records, everyone, given=order.given, others=others)
    changes, refused = _preflight(sinks, pairing, merged([*changes, *consent]))
    written = ChangeSet.of(changes)
    planned = [*written, *(change for change, _ in refused)]
    return Planned(
        written,
        tuple(refused),
        matching.refused,
        tuple(problem for each in plans for problem in each.problems),
        tuple(review for each in plans for review in each.reviews),
        tuple(review for each in plans for review in each.answered),
        tuple(gone),
        tuple(moves),
        tuple(link.link_id for link in compared),
        {side: _in_step(pairing, side, compared, planned, busy) for side in Side},
        _clear(order, records, links, planned, busy, matching),
        read,
        records,
    )


def _changed(sinks: Mapping[Side, Sink], order: PlanOrder) -> Records:
    records: Records = {side: {} for side in Side}
    for side, window in order.windows.items():
        end = order.pairing.end(side)
        for page in sinks[side].read_window(end.object_name, order.pairing.names(side), window):
            records[side] |= {record.record_id: record for record in page}
    fetch(sinks, order.pairing, records, order.ids)
    return records


def _links(state: State, pairing: Pairing, records: Records) -> list[LinkEnds]:
    found = {e.link_id: e for side in Side for e in state.links(pairing.name, side, records[side]).values()}
    return [found[link_id] for link_id in sorted(found)]


def _follow_moves(
    sinks: Mapping[Side, Sink], pairing: Pairing, records: Records, links: Sequence[LinkEnds]
) -> tuple[list[LinkEnds], list[LinkMove]]:
    """The links with the ids that their records have now; one whose record became a linked one is dropped."""
    merged_into = {side: {i: r.merged_into for i, r in records[side].items() if r.merged_into} for side in Side}
    if not any(merged_into.values()):
        return list(links), []
    fetch(sinks, pairing, records, {side: list(merged_into[side].values()) for side in Side})
    taken = {side: {link.id_of(side) for link in links} for side in Side}
    after, moves = [], []
    for link in links:
        moved = {side: merged_into[side].get(link.id_of(side), "") for side in Side}
        moves += [LinkMove(side, link.id_of(side), new_id) for side, new_id in moved.items() if new_id]
        if any(new_id in taken[side] for side, new_id in moved.items()):
            continue
        for side, new_id in moved.items():
            taken[side].add(new_id or link.id_of(side))
        left, right = (moved[side] or link.id_of(side) for side in Side)
        after.append(replace(link, left_id=left, right_id=right))
    return after, moves


def _compare(
    state: State, pairing: Pairing, records: Records, links: Sequence[LinkEnds], matching: Matching
) -> tuple[list[PairPlan], list[LinkEnds], list[LinkEnds]]:
    agreed = state.agreements(link.link_id for link in links)
    choices = state.review_choices(pairing.name)
    plans, gone, compared = [], [], []
    pairs = [(link, False) for link in links]
    pairs += [(new_link(pairing, left, right), True) for left, right in matching.found]
    for link, is_new in pairs:
        left, right = records[Side.LEFT].get(link.left_id), records[Side.RIGHT].get(link.right_id)
        if left is None or right is None or not (is_living(left) and is_living(right)):
            gone.append(link)
            continue
        compared.append(link)
        plans.append(
            compare(
                pairing, link, left, right, agreed=agreed.get(link.link_id, {}), is_new=is_new,
                chosen=lambda review: choices.get(review.review_id),
            )
        )  # fmt: skip
    return plans, gone, compared


def _in_step(
    pairing: Pairing, side: Side, compared: Iterable[LinkEnds], changes: Iterable[Change], busy: set[tuple[Side, str]]
) -> tuple[str, ...]:
    end = pairing.end(side)
    target = (end.system, end.object_name)
    changing = {change.record_id for change in changes if (change.system, change.object_name) == target}
    ids = (link.id_of(side) for link in compared)
    return tuple(i for i in ids if i not in changing and (side, i) not in busy)


def _clear(
    order: PlanOrder, records: Records, links: Iterable[LinkEnds], planned: Iterable[Change],
    busy: set[tuple[Side, str]], matching: Matching,
) -> frozenset[str]:  # fmt: skip
    """Whoever was looked at and is in no change, problem or refusal, nor is linked to one with a problem."""
    looked_at = {i for side in Side for i in (*records[side], *order.ids.get(side, ()))}
    waiting = {i for change in planned for i in (change.key, change.record_id)} | {i for _, i in busy}
    waiting |= {i for refusal in matching.refused for i in (*refusal.left_ids, *refusal.right_ids)}
    for link in links:
        if any((side, link.id_of(side)) in busy for side in Side):
            waiting |= {link.left_id, link.right_id}
    return frozenset(looked_at - waiting)


def _creates(order: PlanOrder, records: Records, matching: Matching) -> list[PairPlan]:
    plans = []
    for side, alone in ((Side.RIGHT, matching.left_alone), (Side.LEFT, matching.right_alone)):
        wanted = _with_a_key(order.pairing, side.other, records[side.other], alone) if side in order.creates else ()
        for record_id in wanted:
            ends = (record_id, "") if side is Side.RIGHT else ("", record_id)
            link = new_link(order.pairing, *ends)
            plans.append(create(order.pairing, side, records[side.other][record_id], link=link))
    return plans


def _with_a_key(
    pairing: Pairing, side: Side, records: Mapping[str, TargetRecord], alone: Iterable[str]
) -> Iterator[str]:
    """
    Nothing is made of a record that nobody could find again by its key (a person without a mail address), nor of one
    that the settings leave out.
    """
    end = pairing.end(side)
    wanted = (i for i in alone if end.is_worth_creating(records[i]))
    return (i for i in wanted if not end.find_by or key_of(pairing, side, records[i]))


def _preflight(
    sinks: Mapping[Side, Sink], pairing: Pairing, changes: Sequence[Change]
) -> tuple[list[Change], list[tuple[Change, RecordOutcome]]]:
    """Asks a target for its description only where something is to be written to it."""
    accepted = [change for change in changes if change.action is Action.LINK]
    refused: list[tuple[Change, RecordOutcome]] = []
    for side in Side:
        end = pairing.end(side)
        target = (end.system, end.object_name)
        some = [c for c in changes if (c.system, c.object_name) == target and c.action is not Action.LINK]
        if not some:
            continue
        taken, outcomes = check(some, sinks[side].describe_target(end.object_name))
        accepted += taken
        by_id = {change.change_id: change for change in some}
        refused += [(by_id[outcome.change_id], outcome) for outcome in outcomes]
    return accepted, refused
