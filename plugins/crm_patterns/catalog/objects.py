"""Settings of one object."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

from pydantic import Field, model_validator

from crm_patterns.catalog.frozen import ApiName, Frozen
from crm_patterns.core.policies import Policy


class ObjectSettings(Frozen):
    """One object to move. Only the name is needed; the rest is described by the source itself."""

    name: ApiName
    include: tuple[ApiName, ...] = ()  # empty: every field that can be read
    exclude: tuple[ApiName, ...] = ()
    hash: tuple[ApiName, ...] = ()  # short for `columns: {X: hash}`
    columns: dict[ApiName, Policy] = Field(default_factory=dict)  # what may be known of a column; others are plain
    cursor: ApiName | None = None  # default: SystemModstamp, else LastModifiedDate, else CreatedDate
    read: Literal["auto", "bulk", "rest"] = "auto"
    every: Literal["hourly", "daily"] = "hourly"  # daily: the first scheduled run of each UTC day reads it
    max_rejected_share: float | None = Field(default=None, ge=0, le=1)  # default: the pattern's
    refresh: tuple[ApiName, ...] = ()  # fields that change without a new stamp and are not described as computed
    refresh_every: Literal["daily", "never"] = "daily"
    compare_ids: Literal["daily", "weekly", "never"] = "daily"  # finds deletions that the source's log does not tell
    history: bool = False  # every version is kept in history_schema too

    @model_validator(mode="after")
    def _no_field_twice(self) -> ObjectSettings:
        named = {"include": self.include, "exclude": self.exclude, "hash": self.hash}
        named |= {f"columns as {policy}": self._under(policy) for policy in Policy}
        allowed = {("include", "hash"), ("include", "columns as plain"), ("include", "columns as hash")}
        for one, other in combinations(named, 2):
            both = {n.lower() for n in named[one]} & {n.lower() for n in named[other]}
            if both and (one, other) not in allowed:
                raise ValueError(f"{', '.join(sorted(both))} is under both {one} and {other}; keep it in one of them")
        return self

    def _under(self, policy: Policy) -> tuple[str, ...]:
        return tuple(name for name, given in self.columns.items() if given is policy)

    @property
    def hashed(self) -> tuple[str, ...]:
        return (*self.hash, *self._under(Policy.HASH))

    @property
    def blocked(self) -> tuple[str, ...]:
        return self._under(Policy.BLOCK)

    def is_clear(self, field: str) -> bool:
        """Whether the field moves as it is, if the object has it."""
        hidden = {name.lower() for name in (*self.hashed, *self.blocked, *self.exclude)}
        chosen = {name.lower() for name in self.include}
        return field.lower() not in hidden and (not chosen or field.lower() in chosen)
