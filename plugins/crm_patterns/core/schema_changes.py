"""
What is known of an object's fields from proven runs, and how the source differs from it now.

A field keeps the column it once got. What a proven run agreed on is the *known schema*; it is replaced, together with
the events that led to the new one, only when a run with the new one was proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.fingerprints import short_fingerprint


class FieldStatus(StrEnum):
    """Whether a field's column gets values now, and if not, why not. Its old values are kept in every case."""

    READ = "read"
    REMOVED = "removed"  # the source has no such field any more
    ACCESS_LOST = "access_lost"  # the source has it, this user may not read it
    VANISHED = "vanished"  # one of the two; the source does not tell which
    UNREADABLE = "unreadable"  # its type can no longer be moved
    EXCLUDED = "excluded"  # our settings take it out


class ChangeKind(StrEnum):
    ADDED = "added"
    RETURNED = "returned"
    RENAMED = "renamed"
    REMOVED = "removed"
    ACCESS_LOST = "access_lost"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    RETYPED = "retyped"  # its column cannot hold the new type: it goes on in another column
    WIDENED = "widened"  # another type or size, and its column holds every value of it
    HASHING = "hashing"  # our settings hash it now, or no longer do
    RELABELLED = "relabelled"
    VALUES_CHANGED = "values_changed"
    EXCLUDED = "excluded"


class Severity(StrEnum):
    """HIGH: somebody should look. MEDIUM: handled, and people who use the table want to know. LOW: for the record."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """A column a field has or had, with what decides its type in a warehouse."""

    column: str
    kind: FieldKind
    scale: int = 0


@dataclass(frozen=True, slots=True)
class KnownField:
    """A field as it was last described, its present column (the last of `columns`, in order of use) and its status."""

    name: str
    columns: tuple[ColumnShape, ...]
    source_type: str
    kind: FieldKind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    label: str = ""
    values: tuple[str, ...] = ()
    hashed: bool = False
    hash_key: str = ""
    status: FieldStatus = FieldStatus.READ

    @property
    def column(self) -> ColumnShape:
        return self.columns[-1]

    @property
    def type_text(self) -> str:
        """`string(80)`, `currency(18,2)`, `date`: as an administrator of the source would say it."""
        name = self.source_type or self.kind.value
        if self.kind is FieldKind.DECIMAL:
            return f"{name}({self.precision},{self.scale or 0})"
        return f"{name}({self.length})" if self.kind is FieldKind.TEXT and self.length else name

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownField:
        columns = tuple(ColumnShape(**{**c, "kind": FieldKind(c["kind"])}) for c in data["columns"])
        return cls(
            **{
                **data,
                "columns": columns,
                "kind": FieldKind(data["kind"]),
                "values": tuple(data["values"]),
                "status": FieldStatus(data["status"]),
            }
        )


@dataclass(frozen=True)
class KnownSchema:
    """All fields that ever had a column, sorted by name. `version` counts the proven changes."""

    fields: tuple[KnownField, ...]
    version: int = 0

    @cached_property
    def by_name(self) -> Mapping[str, KnownField]:
        """By lower-cased name: vendors compare names without regard to case."""
        return {field.name.lower(): field for field in self.fields}

    @property
    def columns(self) -> frozenset[str]:
        """Every column in use or kept."""
        return frozenset(shape.column for field in self.fields for shape in field.columns)

    def to_json(self) -> dict[str, Any]:
        return {"fields": [asdict(field) for field in self.fields], "version": self.version}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownSchema:
        return cls(tuple(KnownField.from_json(field) for field in data["fields"]), data["version"])


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One difference, what was done about it, and the sentence that people read. Texts are empty where nothing is."""

    kind: ChangeKind
    field: str
    column: str
    before: str
    after: str
    action: str
    sentence: str
    severity: Severity
    change_id: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SchemaChange:
        return cls(**{**data, "kind": ChangeKind(data["kind"]), "severity": Severity(data["severity"])})

    def identified(self, source: str, object_name: str, version: int) -> SchemaChange:
        """With the id that every run gives to this change of this version: whoever records it, it is there once."""
        what = [source, object_name, version, self.kind, self.field.lower(), self.before, self.after]
        return replace(self, change_id=short_fingerprint(what, digits=16))


@dataclass(frozen=True)
class SchemaPlan:
    """
    What a run will leave as known once it is proven. `refill` names the fields whose columns old rows lack.

    It is valid for `contract_fingerprint` only, and is settled only where the known version is still `base_version`.
    """

    known: KnownSchema
    base_version: int
    contract_fingerprint: str
    changes: tuple[SchemaChange, ...] = ()
    refill: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "known": self.known.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SchemaPlan:
        changes = tuple(SchemaChange.from_json(change) for change in data["changes"])
        known = KnownSchema.from_json(data["known"])
        return cls(**{**data, "known": known, "changes": changes, "refill": tuple(data["refill"])})


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change as it was recorded: of which object."""

    object_name: str
    change: SchemaChange


def part_of(contract: ObjectContract, names: tuple[str, ...]) -> ObjectContract:
    """The same object with its key and only these fields, of all rows: no cursor, no deleted flag."""
    wanted = {name.lower() for name in names} - {contract.key.lower()}
    fields: tuple[ContractField, ...] = tuple(
        field for field in contract.fields if field.name == contract.key or field.name.lower() in wanted
    )
    return replace(contract, fields=fields, cursor=None, deleted_flag=None, merged_into=None)
