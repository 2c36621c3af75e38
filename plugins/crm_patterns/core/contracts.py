"""
What a source says an object looks like (`ObjectDescription`), and what we agreed to move (`ObjectContract`).

A description is the source's word, made anew at the start of each run. A contract is a decision: which fields, under
which column names, of which type. Everything after the extract (Parquet, tables, checks) is made from the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from crm_patterns.core.fingerprints import fingerprint


class FieldKind(StrEnum):
    """The types that travel. Times are UTC; a DECIMAL is exact."""

    TEXT = "text"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    UNREADABLE = "unreadable"  # compound and binary fields: described, never moved


@dataclass(frozen=True, slots=True)
class DescribedField:
    """One field as its source describes it. `length` counts characters; precision and scale are decimal digits."""

    name: str
    kind: FieldKind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    computed: bool = False
    values: tuple[str, ...] = ()
    values_restricted: bool = False
    references: tuple[str, ...] = ()
    label: str = ""
    source_type: str = ""
    help: str = ""


@dataclass(frozen=True)
class ObjectDescription:
    """An object as its source describes it now."""

    object_name: str
    fields: tuple[DescribedField, ...]
    queryable: bool = True
    logs_deletions: bool = True

    @cached_property
    def by_name(self) -> Mapping[str, DescribedField]:
        """Fields by lower-cased name: vendors compare names without regard to case."""
        return {field.name.lower(): field for field in self.fields}

    def has(self, name: str) -> bool:
        return name.lower() in self.by_name


@dataclass(frozen=True, slots=True)
class ContractField:
    """One field that moves: `name` at the source, `column` in Parquet and in the warehouse."""

    name: str
    column: str
    kind: FieldKind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    nullable: bool = True
    values: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    hashed: bool = False
    hashed_from: FieldKind | None = None  # the value's own kind: its text is made canonical before it is hashed
    hash_key: str = ""  # id of the key that it is hashed with
    label: str = ""
    help: str = ""
    computed: bool = False  # changes without a new stamp


@dataclass(frozen=True)
class ObjectContract:
    """
    What moves of one object. `key`, `cursor`, `deleted_flag` and `merged_into` are source field names that are among
    the fields. `cursor_moves`: deleting or restoring a row moves its cursor, so that a window sees it.
    """

    source: str
    object_name: str
    table: str
    fields: tuple[ContractField, ...]
    key: str
    cursor: str | None
    deleted_flag: str | None
    merged_into: str | None = None
    cursor_moves: bool = True

    @cached_property
    def fingerprint(self) -> str:
        """
        Changes when, and only when, a name, column, type, role or hash key changes.

        A picklist that gains a value, a label and a help text leave it as it is.
        """
        roles = (self.key, self.cursor, self.deleted_flag, self.merged_into)
        return fingerprint([self.object_name, self.table, [_shape(f) for f in self.fields], *roles])

    def column_of(self, name: str) -> str:
        return next(field.column for field in self.fields if field.name == name)

    @property
    def key_column(self) -> str:
        return self.column_of(self.key)

    @property
    def cursor_column(self) -> str | None:
        return self.column_of(self.cursor) if self.cursor else None

    @property
    def deleted_column(self) -> str | None:
        return self.column_of(self.deleted_flag) if self.deleted_flag else None

    @property
    def merged_into_column(self) -> str | None:
        return self.column_of(self.merged_into) if self.merged_into else None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.column for field in self.fields)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ObjectContract:
        fields = tuple(
            ContractField(
                **{
                    **f,
                    "kind": FieldKind(f["kind"]),
                    "hashed_from": FieldKind(f["hashed_from"]) if f.get("hashed_from") else None,
                    "values": tuple(f["values"]),
                    "references": tuple(f["references"]),
                }
            )
            for f in data["fields"]
        )
        return cls(**{**data, "fields": fields})


def _shape(field: ContractField) -> tuple[object, ...]:
    shape = (field.name, field.column, field.kind, field.length, field.precision, field.scale, field.hashed)
    return (*shape, field.hash_key) if field.hash_key else shape
