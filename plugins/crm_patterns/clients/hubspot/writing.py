"""Changes of records at HubSpot: batches of 100, and for each record the platform's own word on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crm_patterns.clients.hubspot import wire
from crm_patterns.clients.hubspot.api import HubSpotApi
from crm_patterns.clients.hubspot.errors import Missing, Refused, reaction_to
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import OutOfBudget, RetryLater, StopRun
from crm_patterns.core.ports import Answer, WriteAnswer
from crm_patterns.core.targets import TargetDescription

BATCH = 100
PARTIAL_UPSERT_REFUSED = frozenset({"email"})
"""By these an upsert needs every property of the record; contacts are created and updated instead."""

Input = dict[str, Any]


class Writer:
    """Writes to one object whose description is known."""

    def __init__(self, api: HubSpotApi, description: TargetDescription) -> None:
        self._api = api
        self._about = description
        self._object = description.object_name
        self._path = f"/crm/v3/objects/{description.object_name}"

    def apply(self, action: Action, batch: Sequence[Change]) -> list[WriteAnswer]:
        """As `Sink.apply`, for at most 100 changes."""
        if len(batch) > BATCH:
            raise StopRun(f"HubSpot takes {BATCH} records in a call, not {len(batch)}.")
        if action is Action.DELETE:
            return self._archive(batch)
        if action is Action.UPDATE:
            return self._each(batch, "update")
        by_key = [change for change in batch if self._upsert_key(change)]
        others = [change for change in batch if not self._upsert_key(change)]
        return [*self._each(by_key, "upsert"), *self._each(others, "create")]

    def _each(self, batch: Sequence[Change], verb: str) -> list[WriteAnswer]:
        """
        One call; where HubSpot refuses it as a whole for the sake of a record, a call for each half, down to that one.

        What is not written any more because the rest could not be sent is answered LATER: others are written by then.
        """
        if not batch:
            return []
        try:
            answer = self._api.change("POST", f"{self._path}/batch/{verb}", self._told(batch), self._body(batch, verb))
        except Unanswered as error:
            return [WriteAnswer(change.change_id, Answer.UNKNOWN, reason=error.problem) for change in batch]
        except Refused as error:
            if len(batch) == 1:
                return [self._refusal(batch[0], error.told, 404 if isinstance(error, Missing) else 400)]
            middle = len(batch) // 2
            first = self._each(batch[:middle], verb)
            return [*first, *self._rest(batch[middle:], verb)]
        return self._answers(batch, verb, wire.read_batch(answer))

    def _rest(self, batch: Sequence[Change], verb: str) -> list[WriteAnswer]:
        try:
            return self._each(batch, verb)
        except (RetryLater, OutOfBudget) as error:
            return [WriteAnswer(change.change_id, Answer.LATER, reason=error.problem) for change in batch]

    def _archive(self, batch: Sequence[Change]) -> list[WriteAnswer]:
        """HubSpot says nothing of single records: what is not there is as good as archived."""
        body = {"inputs": [{"id": change.record_id} for change in batch]}
        try:
            self._api.change("POST", f"{self._path}/batch/archive", self._told(batch), body)
        except Unanswered as error:
            return [WriteAnswer(change.change_id, Answer.UNKNOWN, reason=error.problem) for change in batch]
        return [WriteAnswer(change.change_id, Answer.ACCEPTED, change.record_id) for change in batch]

    def _body(self, batch: Sequence[Change], verb: str) -> dict[str, Any]:
        return {"inputs": [self._input(change, verb) for change in batch]}

    def _input(self, change: Change, verb: str) -> Input:
        properties = {name: wire.write_value(value) for name, value in change.wanted.items()}
        # Without a trace id HubSpot takes or refuses the creates of a batch together.
        given: Input = {"properties": properties, "objectWriteTraceId": change.change_id}
        if verb == "update":
            return {**given, "id": change.record_id}
        if verb == "upsert" and (key := self._upsert_key(change)):
            return {**given, "idProperty": key[0], "id": key[1]}
        return given

    def _upsert_key(self, change: Change) -> tuple[str, str] | None:
        """The unique property, and its value, by which a create cannot make a second record."""
        if change.lookup is None or change.lookup[0] in PARTIAL_UPSERT_REFUSED:
            return None
        known = self._about.by_name.get(change.lookup[0].lower())
        return change.lookup if known is not None and known.unique else None

    def _answers(self, batch: Sequence[Change], verb: str, told: wire.BatchAnswer) -> list[WriteAnswer]:
        """HubSpot promises no order, and sometimes says nothing of a record: then nothing is known of it."""
        by_id = {change.change_id: change for change in batch}
        found: dict[str, WriteAnswer] = {}
        for raw in told.results:
            change = self._change_of(raw, batch, verb, by_id)
            if change is not None:
                created = verb == "create" or bool(raw.get("new"))
                found[change.change_id] = WriteAnswer(change.change_id, Answer.ACCEPTED, str(raw["id"]), created)
        for item in told.errors:
            for change in _changes_of(item, batch, self._keys(batch, verb)):
                found[change.change_id] = self._refusal(change, item.problem, _status(item.problem))
        lost = "HubSpot's answer to the batch says nothing of this record."
        return [found.get(each.change_id) or WriteAnswer(each.change_id, Answer.UNKNOWN, reason=lost) for each in batch]

    def _change_of(
        self, raw: Mapping[str, Any], batch: Sequence[Change], verb: str, by_id: Mapping[str, Change]
    ) -> Change | None:
        if (trace_id := raw.get("objectWriteTraceId")) in by_id:
            return by_id[str(trace_id)]
        if verb == "update":
            ids = {str(raw["id"]), *wire.merged_ids(raw)}
            return next((change for change in batch if change.record_id in ids), None)
        keys, told = self._keys(batch, verb), raw.get("properties") or {}
        keyed = (each for each in batch if (key := self._upsert_key(each)) and told.get(key[0]) == keys[each.change_id])
        return next(keyed, batch[0] if len(batch) == 1 else None)

    def _keys(self, batch: Sequence[Change], verb: str) -> dict[str, str]:
        """What HubSpot calls the id of each input, by change."""
        if verb == "update":
            return {change.change_id: change.record_id for change in batch}
        return {change.change_id: (self._upsert_key(change) or ("", ""))[1] for change in batch}

    def _refusal(self, change: Change, problem: wire.Problem, status: int) -> WriteAnswer:
        if issubclass(reaction_to(problem, status).error, RetryLater):
            return WriteAnswer(change.change_id, Answer.LATER, reason=problem.text, rule=problem.category)
        known = self._about.by_name.get(problem.field_name.lower())
        existing = f" It is there already, with the id {problem.existing_id}." if problem.existing_id else ""
        return WriteAnswer(
            change.change_id,
            Answer.REJECTED,
            reason=f"HubSpot refused it: {problem.text}.{existing}".replace("..", "."),
            rule=problem.code or problem.category,
            field_name=problem.field_name,
            allowed=known.values if known is not None and problem.code == "INVALID_OPTION" else (),
        )

    def _told(self, batch: Sequence[Change]) -> str:
        return f"a batch of {len(batch)} {self._object}"


def _changes_of(item: wire.Item, batch: Sequence[Change], keys: Mapping[str, str]) -> list[Change]:
    traced = [change for change in batch if change.change_id in item.trace_ids]
    if traced:
        return traced
    named = [change for change in batch if keys[change.change_id] and keys[change.change_id] in item.ids]
    return named or (list(batch) if len(batch) == 1 else [])


_STATUSES = {"OBJECT_NOT_FOUND": 404, "CONFLICT": 409, "INTERNAL_ERROR": 500, "RATE_LIMITS": 429}


def _status(problem: wire.Problem) -> int:
    """The status that an item's category would have had alone; items carry none."""
    return _STATUSES.get(problem.category, 400)
