"""
A plan → the other system: noted, looked for where it may be there already, sent, and settled, batch by batch.

Killed anywhere and started again, it ends with what one undisturbed run leaves: no record is created twice, no edit
that somebody made meanwhile is lost, and every record has an outcome.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crm_patterns.core.changes import Action, Change, ChangeSet, Fate, LinkEnds, RecordOutcome, tally_of
from crm_patterns.core.errors import FixSettings, OutOfBudget, StopRun
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import Answer, Intent, RunKey, Settlement, Sink, State, WriteAnswer
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.applying import Due, Standing, due, is_urgent, outcome_of, standing
from crm_patterns.steps.set_aside import set_aside

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApplyOrder:
    """
    `most_tries`: so often a record may be answered with later, over all runs, before it is set aside.

    `look_first`: every record is read right before it is written, so that an edit made since the plan is seen; without
    it only those are that may have been written already. An intent of another run that is younger than `in_flight_s`
    is left to it. `anew` sends once more what was rejected before.
    """

    run: RunKey
    most_tries: int = 5
    look_first: bool = True
    in_flight_s: float = 900
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """One outcome per change, by its id. `until`: when the budget that ran out is there again."""

    outcomes: Mapping[str, RecordOutcome] = field(default_factory=dict)
    out_of_budget: str = ""
    until: datetime | None = None

    @property
    def tally(self) -> Tally:
        return tally_of(self.outcomes.values())


def apply(
    sinks: Mapping[str, Sink], state: State, changes: ChangeSet, order: ApplyOrder, *, clock: Callable[[], datetime]
) -> Applied:
    """
    Write the changes, restrictions first, and set aside what the target rejects.

    When the budget of a system is spent, what is left of its changes is deferred. StopRun where the outcomes do not
    account for every change.
    """
    outcomes: dict[str, RecordOutcome] = {}
    spent: OutOfBudget | None = None
    for (system, object_name), some in changes.by_target():
        if links := [change for change in some if change.action is Action.LINK]:
            outcomes |= _settle_links(state, links, order, clock)
        writes = [change for change in some if change.action is not Action.LINK]
        if not writes:
            continue
        worker = _Worker(_sink(sinks, system), state, object_name, order, clock)
        for batch in _batches(worker.sink, object_name, writes):
            try:
                outcomes |= worker.write(batch)
            except OutOfBudget as out:
                spent = out
                break
        outcomes |= {c.change_id: _deferred(c, spent) for c in writes if spent and c.change_id not in outcomes}
        set_aside(state, order.run, (system, object_name), writes, outcomes, clock())
    missing = {change.change_id for change in changes} - outcomes.keys()
    if missing:
        raise StopRun(f"{len(missing)} planned changes have no outcome.", fix="This is a fault; please report it.")
    return Applied(outcomes, spent.problem if spent else "", spent.until if spent else None)


def _sink(sinks: Mapping[str, Sink], system: str) -> Sink:
    if system not in sinks:
        raise FixSettings(f"The plan writes to {system}, which no connection is given for.", fix="Name its connection.")
    return sinks[system]


def _batches(sink: Sink, object_name: str, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Restrictions first, then creates, updates, deletes; within them in the plan's order, which is by parent."""
    for urgent in (True, False):
        for action in (Action.CREATE, Action.UPDATE, Action.DELETE):
            some = [change for change in changes if change.action is action and is_urgent(change) is urgent]
            size = max(1, sink.batch_size(object_name, action, changes=len(some))) if some else 1
            yield from pieces(some, size)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Writes batches of one object to one system."""

    sink: Sink
    state: State
    object_name: str
    order: ApplyOrder
    clock: Callable[[], datetime]

    def write(self, batch: Sequence[Change]) -> dict[str, RecordOutcome]:
        """All changes of the batch are of one action. Settles what is known as soon as it is."""
        run, now = self.order.run, self.clock()
        known = self.state.begin_writes(run, batch, at=now, anew=self.order.anew)
        standings = self._standings(batch, known, now)
        outcomes = {
            intent.change_id: intent.outcome
            for intent in known.values()
            if intent.outcome is not None and standings[intent.change_id] is Standing.OVER
        }
        theirs = [c for c in batch if standings[c.change_id] is Standing.THEIRS]
        outcomes |= {c.change_id: _deferred(c, "Another run is writing it.") for c in theirs}
        ours = {c.change_id: c for c in batch if c.change_id not in outcomes}
        dues = self._look(ours, known, standings)
        outcomes |= self._settle([Settlement(d.change, d.outcome, d.stays_open) for d in dues.values() if d.outcome])
        tries = {change_id: intent.tries for change_id, intent in known.items()}
        return {**outcomes, **self._send({i: d for i, d in dues.items() if d.send}, tries)}

    def _standings(self, batch: Sequence[Change], known: Mapping[str, Intent], now: datetime) -> Mapping[str, Standing]:
        run, anew = self.order.run, self.order.anew
        found = {c.change_id: standing(known.get(c.change_id), run, anew=anew) for c in batch}
        theirs = [change_id for change_id, how in found.items() if how is Standing.THEIRS]
        if not theirs:
            return found
        old = now - timedelta(seconds=self.order.in_flight_s)
        return found | dict.fromkeys(self.state.take_over_writes(run, theirs, before=old), Standing.IN_FLIGHT)

    def _look(
        self, ours: Mapping[str, Change], known: Mapping[str, Intent], standings: Mapping[str, Standing]
    ) -> Mapping[str, Due]:
        """What is due of each change. A change that was never sent is looked for only where the order says so."""
        since = {i: known[i].written_at if standings[i] is Standing.IN_FLIGHT else None for i in ours}
        asked = [c for i, c in ours.items() if since[i] is not None or self.order.look_first]
        found = self._present(asked)
        lag_s, now = self.sink.lookup_lag_s, self.clock()
        dues = {i: Due(c, send=c) for i, c in ours.items() if i not in found}
        for change in asked:
            i = change.change_id
            dues[i] = due(change, found[i], in_flight_since=since[i], now=now, lag_s=lag_s)
            if (outcome := dues[i].outcome) is not None:
                dues[i] = replace(dues[i], outcome=replace(outcome, change_id=i))
        return dues

    def _present(self, changes: Sequence[Change]) -> Mapping[str, Sequence[TargetRecord]]:
        """The records that each change is about, by the change's id."""
        names = tuple(dict.fromkeys(each.name for change in changes for each in change.fields))
        ids = [change.record_id for change in changes if change.action is not Action.CREATE]
        there = self.sink.read_records(self.object_name, names, ids) if ids else {}
        found: dict[str, Sequence[TargetRecord]] = {
            c.change_id: [there[c.record_id]] if c.record_id in there else [] for c in changes
        }
        keys: dict[str, dict[str, str]] = {}
        for change in changes:
            if change.action is Action.CREATE and change.lookup is not None:
                keys.setdefault(change.lookup[0], {})[change.change_id] = change.lookup[1]
        for field_name, values in keys.items():
            holders = self.sink.find(self.object_name, field_name, sorted(set(values.values())), fields=names)
            found |= {change_id: holders.get(value, ()) for change_id, value in values.items()}
        return found

    def _send(self, dues: Mapping[str, Due], tries: Mapping[str, int]) -> Mapping[str, RecordOutcome]:
        if not dues:
            return {}
        sent = {i: d.send for i, d in dues.items() if d.send}
        names, changes = {c.change_id: i for i, c in sent.items()}, list(sent.values())
        answers = {names[a.change_id]: a for a in self.sink.apply(self.object_name, changes[0].action, changes)}
        lost = WriteAnswer("", Answer.UNKNOWN, reason="The target did not say what became of it.")
        most, settled, unknown = self.order.most_tries, [], []
        for i, d in dues.items():
            answer = answers.get(i, lost)
            outcome = outcome_of(i, d.change, answer, tries=tries.get(i, 0), most_tries=most)
            if answer.answer is Answer.UNKNOWN:
                unknown.append((i, d.change, outcome))
            else:
                reason = " ".join(filter(None, (outcome.reason, d.note)))
                settled.append(Settlement(d.change, replace(outcome, reason=reason)))
        return {**self._settle(settled), **self._settle(self._looked_after(unknown))}

    def _looked_after(self, unknown: Sequence[tuple[str, Change, RecordOutcome]]) -> list[Settlement]:
        """What is found of changes whose answer was lost; what is not stays open, and the next try looks again."""
        found = self._present([change for _, change, _ in unknown]) if unknown else {}
        now, settled = self.clock(), []
        for i, change, outcome in unknown:
            then = due(change, found[change.change_id], in_flight_since=now, now=now, lag_s=1)
            is_known = then.outcome is not None and then.outcome.is_accepted
            known = replace(then.outcome, change_id=i) if then.outcome and is_known else outcome
            settled.append(Settlement(then.change, known, stays_open=known.fate is Fate.DEFERRED))
        return settled

    def _settle(self, settled: Sequence[Settlement]) -> Mapping[str, RecordOutcome]:
        if settled:
            _report(self.state.settle_writes(self.order.run, settled, at=self.clock()))
        return {each.outcome.change_id: each.outcome for each in settled}


def _settle_links(
    state: State, links: Sequence[Change], order: ApplyOrder, clock: Callable[[], datetime]
) -> Mapping[str, RecordOutcome]:
    """Nothing is written outside: what is linked or agreed already is so once more."""
    state.begin_writes(order.run, links, at=clock())
    settled = [Settlement(change, RecordOutcome(change.change_id, Fate.UNCHANGED)) for change in links]
    _report(state.settle_writes(order.run, settled, at=clock()))
    return {each.outcome.change_id: each.outcome for each in settled}


def _report(refused: Sequence[LinkEnds]) -> None:
    for link in refused:
        log.warning("%s could not be linked: one of its records has another counterpart already.", link)


def _deferred(change: Change, why: OutOfBudget | str) -> RecordOutcome:
    reason = why if isinstance(why, str) else why.problem
    return RecordOutcome(change.change_id, Fate.DEFERRED, change.record_id, reason=reason)
