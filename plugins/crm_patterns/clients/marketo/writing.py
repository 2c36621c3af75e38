"""Changes of leads at Marketo: batches of 300, and for each lead the platform's own word on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.api import MarketoApi
from crm_patterns.clients.marketo.errors import RECORD_LATER, Refused, Shaky
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import OutOfBudget, RetryLater, StopRun
from crm_patterns.core.ports import Answer, WriteAnswer
from crm_patterns.core.targets import TargetDescription

BATCH = 300
LARGEST_BODY = 900_000
"""Bytes of records in a request; Marketo takes 1 MB."""
EXISTS, MISSING = "1005", "1004"


@dataclass(frozen=True, slots=True)
class Way:
    """How a batch is sent: Marketo's action, and the field by which it looks for a lead that is there."""

    action: str
    lookup: str


DELETE = Way("delete", "id")
UPDATE = Way("updateOnly", "id")
CREATE = Way("createOnly", "email")


class Writer:
    """Writes leads, whose description is known."""

    def __init__(self, api: MarketoApi, description: TargetDescription, *, partition: str) -> None:
        self._api = api
        self._about = description
        self._partition = partition

    def apply(self, action: Action, batch: Sequence[Change]) -> list[WriteAnswer]:
        """As `Sink.apply`, for at most 300 changes. What the rest of a batch cannot be sent for is answered LATER."""
        if len(batch) > BATCH:
            raise StopRun(f"Marketo takes {BATCH} leads in a call, not {len(batch)}.")
        answers: list[WriteAnswer] = []
        for way, some in self._requests(action, batch):
            answers += self._rest(some, way) if answers else self._send(some, way)
        return answers

    # --- what is sent -------------------------------------------------------------------------------------------------

    def _requests(self, action: Action, batch: Sequence[Change]) -> Iterator[tuple[Way, list[Change]]]:
        """
        Requests that Marketo can take: none with a key twice, none too large.

        Two leads of one key in a request are refused; one after the other, the second finds the first.
        """
        ways: dict[Way, list[Change]] = {}
        for change in batch:
            ways.setdefault(self._way(action, change), []).append(change)
        for way, changes in ways.items():
            while changes:
                some, changes = self._first_request(way, changes)
                yield way, some

    def _first_request(self, way: Way, changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
        some: list[Change] = []
        rest: list[Change] = []
        keys: set[str] = set()
        size = 0
        for change in changes:
            told = self._input(change, way)
            key = str(told.get(way.lookup) or "").strip().lower()
            size += len(json.dumps(told))
            if (key and key in keys) or (some and size > LARGEST_BODY):
                rest.append(change)
                continue
            keys.add(key)
            some.append(change)
        return some, rest

    def _way(self, action: Action, change: Change) -> Way:
        """A create by a unique field other than the address is an upsert by it: it cannot make a second lead."""
        if action is Action.DELETE:
            return DELETE
        if action is Action.UPDATE:
            return UPDATE
        known = self._about.by_name.get(change.lookup[0].lower()) if change.lookup else None
        if known is None or not known.unique or known.name == "email":
            return CREATE
        return Way("createOrUpdate", known.name)

    def _input(self, change: Change, way: Way) -> dict[str, Any]:
        if way == DELETE:
            return {"id": int(change.record_id)}
        values = {self._name(name): wire.write_value(value) for name, value in change.wanted.items()}
        if way == UPDATE:
            return {"id": int(change.record_id), **values}
        if change.lookup is not None and self._name(change.lookup[0]) == way.lookup:
            values.setdefault(way.lookup, change.lookup[1])
        return values

    def _name(self, name: str) -> str:
        known = self._about.by_name.get(name.lower())
        return known.name if known is not None else name

    # --- what is answered ---------------------------------------------------------------------------------------------

    def _rest(self, batch: Sequence[Change], way: Way, *, doubtful: bool = False) -> list[WriteAnswer]:
        """As `_send`, when others of the batch have their answers already: a spent day is told lead by lead."""
        try:
            return self._send(batch, way, doubtful=doubtful)
        except OutOfBudget as error:
            return [WriteAnswer(change.change_id, Answer.LATER, reason=error.problem) for change in batch]

    def _send(self, batch: Sequence[Change], way: Way, *, doubtful: bool = False) -> list[WriteAnswer]:
        """
        One call. Where Marketo fails at it and the reason may be one lead, a call for each half, down to that one.

        `doubtful`: an earlier try of the same may have been carried out, so that a lead which exists may be ours.
        """
        about = f"a batch of {len(batch)} leads"
        try:
            answer = self._call(batch, way, about)
        except Unanswered as error:
            return _all(batch, Answer.UNKNOWN, error.problem)
        except RetryLater as error:
            return _all(batch, Answer.LATER, error.problem)
        except Shaky as error:
            if len(batch) == 1:
                return _all(batch, Answer.UNKNOWN, error.problem, rule="611")
            return self._halves(batch, way, doubtful=True)
        except Refused as error:
            if len(batch) == 1:
                return [self._refusal(batch[0], error.told, way)]
            return self._halves(batch, way, doubtful=doubtful)
        results = list(answer.get("result") or ())
        if len(results) != len(batch):
            return _all(batch, Answer.UNKNOWN, f"Marketo answered {len(results)} of {len(batch)} leads.")
        return [self._told(change, raw, way, doubtful) for change, raw in zip(batch, results, strict=True)]

    def _call(self, batch: Sequence[Change], way: Way, about: str) -> Mapping[str, Any]:
        given = [self._input(change, way) for change in batch]
        if way == DELETE:
            return self._api.change("/rest/v1/leads/delete.json", about, {"input": given})
        body: dict[str, Any] = {"action": way.action, "lookupField": way.lookup, "input": given}
        if self._partition and way != UPDATE:
            body["partitionName"] = self._partition
        return self._api.change("/rest/v1/leads.json", about, body)

    def _halves(self, batch: Sequence[Change], way: Way, *, doubtful: bool) -> list[WriteAnswer]:
        middle = len(batch) // 2
        first = self._send(batch[:middle], way, doubtful=doubtful)
        return [*first, *self._rest(batch[middle:], way, doubtful=doubtful)]

    def _told(self, change: Change, raw: Mapping[str, Any], way: Way, doubtful: bool) -> WriteAnswer:
        problem = wire.skipped(raw)
        if problem is None:
            return WriteAnswer(change.change_id, Answer.ACCEPTED, str(raw["id"]), raw.get("status") == "created")
        if way == DELETE and problem.code == MISSING:  # what is not there is as good as deleted
            return WriteAnswer(change.change_id, Answer.ACCEPTED, change.record_id)
        if doubtful and problem.code == EXISTS:
            return WriteAnswer(change.change_id, Answer.UNKNOWN, reason="It is there, and may be what was sent before.")
        return self._refusal(change, problem, way)

    def _refusal(self, change: Change, problem: wire.Problem, way: Way) -> WriteAnswer:
        if problem.code in RECORD_LATER:
            return WriteAnswer(change.change_id, Answer.LATER, reason=problem.text, rule=problem.code)
        advice = ADVICE.get(problem.code, "").format(lookup=way.lookup)
        return WriteAnswer(
            change.change_id,
            Answer.REJECTED,
            reason=f"Marketo refused it: {problem.text}. {advice}".replace("..", ".").strip(),
            rule=problem.code,
            field_name=self._field_in(problem.text, change),
        )

    def _field_in(self, text: str, change: Change) -> str:
        """Marketo names a field in its sentence only, in quotes; for showing, never for deciding."""
        return next((name for name in change.wanted if f"'{self._name(name)}'" in text), "")


ADVICE = {
    "1004": "It was deleted or merged meanwhile; the next run plans anew.",
    "1005": "A lead with the same {lookup} is there already: link to it.",
    "1006": "Correct the name in the settings, or create the field in Marketo.",
    "1007": "Several leads have the same {lookup}: merge them in Marketo.",
    "1008": "Give the API user's role access to the lead's partition.",
}


def _all(batch: Sequence[Change], answer: Answer, reason: str, *, rule: str = "") -> list[WriteAnswer]:
    return [WriteAnswer(change.change_id, answer, reason=reason, rule=rule) for change in batch]
