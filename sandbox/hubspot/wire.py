"""What calls have in common: batches, who sent them, and records as HubSpot writes them."""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.requests import Request

from sandbox.clock import iso
from sandbox.hubspot.account import Account, Caller
from sandbox.hubspot.errors import malformed
from sandbox.hubspot.records import Record, Records


def inputs_of(body: dict[str, Any], *, most: int) -> list[dict[str, Any]]:
    """`inputs` of a batch. Raises the 400 of none, of too many, and of an id that comes twice."""
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
        raise malformed("Invalid input JSON: inputs is missing or is no list of objects")
    if len(inputs) > most:
        raise malformed(f"The maximum number of inputs supported in a batch request is {most}")
    ids = [(each.get("idProperty"), str(each["id"])) for each in inputs if "id" in each]
    twice = sorted({identity for _, identity in ids if sum(identity == other for _, other in ids) > 1})
    if len(set(ids)) < len(ids):
        raise malformed(f"Duplicate IDs found in batch input: {twice}")
    return inputs


def names(text: str | None) -> list[str]:
    """`a,b` of a query."""
    return [each for each in (text or "").split(",") if each]


def caller(request: Request) -> Caller:
    """Who sent the request; the gate found out."""
    found = request.state.caller
    assert isinstance(found, Caller)  # noqa: S101 - the gate sets nothing else
    return found


class Rendering:
    """Records as one call asked for them; names that the account does not have are left out without a word."""

    def __init__(
        self,
        account: Account,
        records: Records,
        *,
        properties: Sequence[str] = (),
        history: Sequence[str] = (),
        associations: Iterable[str] = (),
    ) -> None:
        known = records.properties
        asked = {*properties, *records.type.default_properties}
        self.names = sorted(each for each in asked if each in known and not known[each].archived)
        self.history = [each for each in history if each in known]
        self.targets = [account.of(each).type.name for each in associations]
        self.account = account
        self.records = records

    def __call__(self, record: Record) -> dict[str, Any]:
        modified = self.records.type.modified
        told: dict[str, Any] = {
            "id": str(record.id),
            "properties": {name: record.value(name, modified) for name in self.names},
            "createdAt": iso(record.created_ms),
            "updatedAt": iso(record.updated_ms),
            "archived": record.archived_ms is not None,
        }
        if record.archived_ms is not None:
            told["archivedAt"] = iso(record.archived_ms)
        if self.history:
            told["propertiesWithHistory"] = {name: record.versions(name, modified) for name in self.history}
        if found := {target: self._associated(record, target) for target in self.targets}:
            told["associations"] = {target: {"results": others} for target, others in found.items() if others}
        return told

    def _associated(self, record: Record, target: str) -> list[dict[str, str]]:
        source = self.records.type.name
        word = f"{self.records.type.singular.lower()}_to_{self.account.of(target).type.singular.lower()}"
        others = self.account.associations.of(source, record.id, target)
        return [
            {"id": str(other_id), "type": f"{word}_unlabeled" if type_id in (13, 279, 280) else word}
            for other_id, types in others.items()
            for type_id in sorted(types)
        ]
