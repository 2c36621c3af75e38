"""A mart: a small table of the questions people ask most, computed in the warehouse from the tables of the objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm_patterns.core.contracts import ContractField


class Kept(StrEnum):
    """Where an input is kept: what an object is now, or what it was."""

    CURRENT = "current"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class MartInput:
    """A table that a mart reads. `object_name` is the object whose runs change it; empty where several do."""

    name: str
    table: str
    object_name: str
    columns: tuple[str, ...]
    kept: Kept = Kept.CURRENT
    optional: bool = False


@dataclass(frozen=True, slots=True)
class MartDefinition:
    """
    What a mart is: its grain in a sentence, its columns with their meaning, and what it is made from.

    An input that is not optional must be there with the columns named, or the mart is not built. Of the optional inputs
    in `one_of`, one must be there. `fingerprint` changes with the definition and with its statement.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[ContractField, ...]
    meanings: Mapping[str, str]
    inputs: tuple[MartInput, ...]
    one_of: tuple[str, ...] = ()
    fingerprint: str = ""

    @property
    def label(self) -> str:
        """`marts.account_360`: the task, the asset, and the name in messages."""
        return f"marts.{self.name.lower()}"

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects whose runs change it."""
        return tuple(dict.fromkeys(item.object_name for item in self.inputs if item.object_name))


class MartState(StrEnum):
    BUILT = "built"
    UNCHANGED = "unchanged"  # no input has changed since it was built
    SKIPPED = "skipped"  # an input is missing
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MartBuild:
    """What became of a mart in one run. `versions` says which inputs, in which state, it was made from."""

    mart: str
    state: MartState
    reason: str = ""
    rows: int | None = None
    versions: Mapping[str, Any] = field(default_factory=dict)
    docs_url: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
