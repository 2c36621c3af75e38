"""Records of one object: never changed in place, so that the search index can hold on to how one was."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.clock import iso
from sandbox.hubspot.schema import ObjectType, Property

VERSIONS_KEPT = 20


@dataclass(frozen=True, slots=True)
class Version:
    """One value that a property had, since when, and who set it."""

    value: str
    at_ms: int
    source: str
    source_id: str


@dataclass(frozen=True, slots=True)
class Record:
    """
    `properties` hold what was set; ids and stamps are fields. `merged` are the ids that lead here.

    `history` has the newest versions of what was ever changed; other properties have had one value from the start.
    """

    id: int
    created_ms: int
    updated_ms: int
    properties: Mapping[str, str]
    archived_ms: int | None = None
    merged: tuple[int, ...] = ()
    history: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)

    def value(self, name: str, modified: str) -> str | None:
        """Any property as text, those that follow from the record included. `modified` is its stamp's name."""
        if name in self.properties:
            return self.properties[name]
        if name == "hs_object_id":
            return str(self.id)
        if name == "createdate":
            return iso(self.created_ms)
        if name == modified:
            return iso(self.updated_ms)
        if name == "hs_merged_object_ids" and self.merged:
            return ";".join(map(str, self.merged))
        return None

    def versions(self, name: str, modified: str) -> list[dict[str, Any]]:
        """As `propertiesWithHistory` shows them, newest first."""
        kept = self.history.get(name)
        if kept is None:
            value = self.value(name, modified)
            kept = (Version(value, self.created_ms, "IMPORT", ""),) if value is not None else ()
        return [
            {"value": each.value, "timestamp": iso(each.at_ms), "sourceType": each.source, "sourceId": each.source_id}
            for each in kept
        ]

    def changed(
        self, values: Mapping[str, str | None], *, at_ms: int, source: str, source_id: str, silent: bool = False
    ) -> "Record":
        """The record with other values (None clears). The same record where nothing differs."""
        moved = {name: value for name, value in values.items() if self.properties.get(name) != value}
        if not moved:
            return self
        properties = {**self.properties, **moved}
        history = dict(self.history)
        for name, value in moved.items():
            before = history.get(name)
            if before is None and name in self.properties:
                before = (Version(self.properties[name], self.created_ms, "IMPORT", ""),)
            history[name] = (Version(value or "", at_ms, source, source_id), *(before or ()))[:VERSIONS_KEPT]
        return replace(
            self,
            properties={name: value for name, value in properties.items() if value is not None},
            history=history,
            updated_ms=self.updated_ms if silent else max(at_ms, self.updated_ms),
        )

    def as_kept(self) -> dict[str, Any]:
        return {
            "created": self.created_ms,
            "updated": self.updated_ms,
            "properties": dict(self.properties),
            "archived": self.archived_ms,
            "merged": list(self.merged),
            "history": {
                name: [[v.value, v.at_ms, v.source, v.source_id] for v in versions]
                for name, versions in self.history.items()
            },
        }

    @classmethod
    def from_kept(cls, record_id: int, kept: Mapping[str, Any]) -> "Record":
        history = {name: tuple(Version(*each) for each in versions) for name, versions in kept["history"].items()}
        return cls(
            record_id, kept["created"], kept["updated"], kept["properties"], kept["archived"], tuple(kept["merged"]),
            history,
        )  # fmt: skip


class Records:
    """All records of one object, archived ones too, with the properties that they have."""

    def __init__(self, object_type: ObjectType, properties: dict[str, Property]) -> None:
        self.type = object_type
        self.properties = properties
        self.by_id: dict[int, Record] = {}
        self.ids: list[int] = []  # in order
        self.merged_into: dict[int, int] = {}
        self.highest_id = object_type.first_id - 1
        self._owners: dict[str, dict[str, int]] = {}
        for known in properties.values():
            self.index_unique(known)

    def index_unique(self, known: Property) -> None:
        """Begin to hold one property's values apart."""
        if known.unique:
            holders = [each for each in self.living() if known.name in each.properties]
            self._owners[known.name] = {each.properties[known.name]: each.id for each in holders}

    def put(self, record: Record) -> None:
        """Add or replace a record."""
        before = self.by_id.get(record.id)
        if before is not None:
            self._let_go(before)
        else:
            insort(self.ids, record.id)
        self.by_id[record.id] = record
        self.highest_id = max(self.highest_id, record.id)
        for loser in record.merged:
            self.merged_into[loser] = record.id
        if record.archived_ms is None:
            for name, owners in self._owners.items():
                if name in record.properties:
                    owners[record.properties[name]] = record.id
            if "email" in self._owners:
                for email in additional_emails(record):
                    self._owners["email"].setdefault(email, record.id)

    def remove(self, record_id: int) -> None:
        """Forget a record for good."""
        self._let_go(self.by_id.pop(record_id))
        del self.ids[bisect_left(self.ids, record_id)]

    def _let_go(self, record: Record) -> None:
        for name, owners in self._owners.items():
            values = [record.properties.get(name)]
            if name == "email":
                values += additional_emails(record)
            for value in values:
                if value is not None and owners.get(value) == record.id:
                    del owners[value]

    def owner_of(self, name: str, value: str) -> int | None:
        """Id of the living record that has this unique value; for e-mails a secondary address counts, too."""
        return self._owners[name].get(value.strip().lower() if name == "email" else value)

    def resolve(self, identity: str, id_property: str | None = None) -> Record | None:
        """The record that an id or a unique value leads to; a merged id leads to the one that is left."""
        if id_property and id_property != "hs_object_id":
            found = self.owner_of(id_property, identity)
        else:
            found = int(identity) if identity.isdigit() else None
            while found is not None and found in self.merged_into:
                found = self.merged_into[found]
        return self.by_id.get(found) if found is not None else None

    def is_unique(self, name: str) -> bool:
        return name in self._owners or name == "hs_object_id"

    def beyond(self, last_id: int, *, archived: bool) -> Iterator[Record]:
        """Records with a higher id, in order of ids."""
        for record_id in self.ids[bisect_right(self.ids, last_id) :]:
            record = self.by_id[record_id]
            if (record.archived_ms is not None) == archived:
                yield record

    def living(self) -> Iterator[Record]:
        return (each for each in self.by_id.values() if each.archived_ms is None)


def additional_emails(record: Record) -> Sequence[str]:
    """Secondary addresses."""
    return [each for each in record.properties.get("hs_additional_emails", "").split(";") if each]
