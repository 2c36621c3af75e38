"""A system that is written to, as it describes itself, and records of it as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.values import Value


@dataclass(frozen=True, slots=True)
class TargetField:
    """
    One field as the target describes it to this user. `length` counts characters; precision and scale are digits.

    `required`: a create needs it, and it can never be blank. `values` are the allowed ones, exact, where
    `values_restricted`. `unique`: a record can be found by it, and no two records share a value.
    """

    name: str
    kind: FieldKind
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    required: bool = False
    creatable: bool = True
    updatable: bool = True
    unique: bool = False
    values: tuple[str, ...] = ()
    values_restricted: bool = False
    multiple: bool = False  # several of `values`, joined by semicolons
    label: str = ""


@dataclass(frozen=True)
class TargetDescription:
    """
    An object as the target describes it to this user now.

    `not_on_new`: names of fields that a new record does not have, where records are of several kinds.
    """

    object_name: str
    fields: tuple[TargetField, ...]
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    not_on_new: frozenset[str] = frozenset()

    @cached_property
    def by_name(self) -> Mapping[str, TargetField]:
        """Fields by lower-cased name: vendors compare names without regard to case."""
        return {each.name.lower(): each for each in self.fields}


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """
    A record as it is now, with the fields that were asked for; a field that is missing from `values` is blank.

    `modified_at` is the target's own stamp. `merged_into` is the id of the record that is left after a merge.
    `lacks`: of the fields that were asked for, those that this record's kind does not have; that says nothing of them.
    """

    record_id: str
    values: Mapping[str, Value] = field(default_factory=dict)
    modified_at: datetime | None = None
    is_deleted: bool = False
    merged_into: str = ""
    lacks: frozenset[str] = frozenset()
