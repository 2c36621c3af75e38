"""One statement of a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One statement, and the rows it must give; None where the warehouse answers in its own words."""

    statement: str
    names: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    rows: list[tuple[Any, ...]] | None = None
