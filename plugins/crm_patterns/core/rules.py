"""One rule about data, as Great Expectations would ask it, and what follows where it is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class OnFailure(StrEnum):
    REJECT_ROWS = "reject_rows"
    STOP = "stop"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation. `columns` are contract columns that it reads; `kwargs` are Great Expectations' own."""

    name: str
    type: str
    kwargs: Mapping[str, Any]
    on_failure: OnFailure
    sentence: str
    columns: tuple[str, ...] = field(default=())

    @property
    def column(self) -> str:
        return self.columns[0] if self.columns else ""

    @property
    def is_row_level(self) -> bool:
        return self.on_failure is OnFailure.REJECT_ROWS
