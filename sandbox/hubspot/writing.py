"""Changes of records, as the API and as people make them: checked, kept, told to the webhooks."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from sandbox.faults import Fault
from sandbox.hubspot.account import Account, Edits
from sandbox.hubspot.errors import HubSpotFault, exists, invalid_values, malformed, not_found
from sandbox.hubspot.records import Record, Records, Version, additional_emails
from sandbox.hubspot.values import stored_values


class RowFault(Fault):
    """Records that are refused although nothing is wrong with them.

    `operation` is create, update or upsert (empty: any); `property` and `matches` (a regular expression on the value
    sent) narrow it to some records.
    """

    kind: Literal["row_failure"]
    object: str = ""
    operation: str = ""
    status: int = 400
    category: str = "VALIDATION_ERROR"
    message: str = "This record cannot be changed at the moment."
    property: str = ""
    matches: str = ""

    def hits(self, object_name: str, operation: str, values: Mapping[str, Any]) -> bool:
        """Whether this change is meant."""
        if self.object not in ("", object_name) or self.operation not in ("", operation):
            return False
        return not self.property or re.search(self.matches, str(values.get(self.property) or "")) is not None


class Writer:
    """Changes of one object on behalf of `edits`. Everything raises HubSpotFault where HubSpot refuses it."""

    def __init__(self, account: Account, records: Records, edits: Edits) -> None:
        self.account = account
        self.records = records
        self.edits = edits
        self.now_ms = account.clock.now_ms()

    def check(
        self, values: Mapping[str, Any], *, operation: str, record: Record | None = None
    ) -> dict[str, str | None]:
        """What would be stored. `record` is the one that would be changed, None where one would be made."""
        name = self.records.type.name
        fault = self.account.faults.take(RowFault, lambda each: each.hits(name, operation, values))
        if fault is not None:
            raise HubSpotFault(fault.status, fault.category, fault.message)
        stored, problems = stored_values(values, self.records.properties, record.properties if record else {})
        if problems:
            raise invalid_values(problems)
        for unique, value in stored.items():
            if value is None or not self.records.is_unique(unique):
                continue
            owner = self.records.owner_of(unique, value)
            if owner is not None and (record is None or owner != record.id):
                raise exists(self.records.type.singular, str(owner))
        return stored

    def create(self, values: Mapping[str, Any]) -> Record:
        if not values:
            raise malformed("No properties found to create, please provide at least one.")
        stored = {name: value for name, value in self.check(values, operation="create").items() if value is not None}
        if self.records.type.name == "contacts":
            stored.setdefault("lifecyclestage", "lead")
        history = {
            name: (Version(value, self.now_ms, self.edits.source, self.edits.source_id),)
            for name, value in stored.items()
        }
        record = Record(self.records.highest_id + 1, self.now_ms, self.now_ms, stored, history=history)
        self.account.put(self.records, record)
        self._tell("creation", record, {"changeFlag": "NEW"})
        self._tell_values(record, stored)
        return record

    def update(self, record: Record, values: Mapping[str, Any], *, operation: str = "update") -> Record:
        """A value that is there already changes nothing: no stamp, no event."""
        stored = self.check(values, operation=operation, record=record)
        edits = self.edits
        changed = record.changed(stored, at_ms=self.now_ms, source=edits.source, source_id=edits.source_id)
        if changed is not record:
            self.account.put(self.records, changed)
            self._tell_values(changed, {n: v for n, v in stored.items() if record.properties.get(n) != v})
        return changed

    def archive(self, record: Record) -> None:
        if record.archived_ms is None:
            self.account.put(self.records, replace(record, archived_ms=self.now_ms))
            self._tell("deletion", record, {"changeFlag": "DELETED"})

    def restore(self, record: Record) -> None:
        self.account.put(self.records, replace(record, archived_ms=None, updated_ms=self.now_ms))
        self._tell("restore", record, {"changeFlag": "RESTORED"})

    def erase(self, record: Record) -> None:
        """Remove for good, as the law asks for."""
        self.account.associations.forget(self.records.type.name, record.id)
        self.account.forget(self.records, record.id)
        self._tell("privacyDeletion", record, {"changeFlag": "DELETED"})

    def merge(self, winner: Record, loser: Record) -> Record:
        """The winner keeps its values and takes the loser's where it has none; the loser's id leads to it."""
        if winner.id == loser.id:
            raise malformed("Cannot merge a record with itself.")
        taken = {name: value for name, value in loser.properties.items() if name not in winner.properties}
        emails = [*additional_emails(winner), *additional_emails(loser), loser.properties.get("email", "")]
        if self.records.type.name == "contacts":
            others = dict.fromkeys(each for each in emails if each and each != winner.properties.get("email"))
            taken["hs_additional_emails"] = ";".join(others)
        taken = {name: value for name, value in taken.items() if value}
        self.account.forget(self.records, loser.id)
        changed = winner.changed(taken, at_ms=self.now_ms, source=self.edits.source, source_id=self.edits.source_id)
        merged = (*winner.merged, loser.id, *loser.merged)
        changed = replace(changed, merged=merged, updated_ms=max(self.now_ms, winner.updated_ms))
        self.account.put(self.records, changed)
        self.account.associations.move(self.records.type.name, loser.id, winner.id)
        facts = {
            "primaryObjectId": winner.id, "mergedObjectIds": [loser.id], "newObjectId": winner.id,
            "numberOfPropertiesMoved": len(taken),
        }  # fmt: skip
        self._tell("merge", changed, facts)
        return changed

    def found(self, identity: str, id_property: str | None = None, *, archived: bool = False) -> Record:
        """The record of an id, or of a unique value. Raises the 404, and the 400 of a property that is not unique."""
        if id_property and not self.records.is_unique(id_property):
            raise malformed(f"idProperty {id_property} is not a unique property of {self.records.type.name}")
        record = self.records.resolve(identity, id_property)
        if record is None or (record.archived_ms is not None) != archived:
            raise not_found()
        return record

    def _tell_values(self, record: Record, values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            self._tell("propertyChange", record, {"propertyName": name, "propertyValue": value or ""})

    def _tell(self, what: str, record: Record, facts: Mapping[str, Any]) -> None:
        kind = f"{self.records.type.singular.lower()}.{what}"
        edits = self.edits
        self.account.webhooks.tell(kind, record.id, source=edits.source, source_id=edits.source_id, facts=facts)
