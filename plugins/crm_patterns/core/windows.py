"""Windows of a source's time: half-open, `[start, end)`, UTC, whole seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class WindowKind(StrEnum):
    """Why this window is read. Only INCREMENTAL and FULL move the watermark."""

    INCREMENTAL = "incremental"
    FULL = "full"
    BACKFILL = "backfill"

    @property
    def moves_watermark(self) -> bool:
        return self is not WindowKind.BACKFILL


@dataclass(frozen=True, slots=True)
class Window:
    """`start` None is the beginning of time; `end` is never reached."""

    start: datetime | None
    end: datetime
    kind: WindowKind

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"The window's {name} {moment.isoformat()} carries no time zone.")

    @property
    def is_empty(self) -> bool:
        return self.start is not None and self.start >= self.end

    @property
    def label(self) -> str:
        """`20260101T000000Z--20260102T000000Z`, safe in a path; a missing start reads `beginning`."""
        return f"{_stamp(self.start)}--{_stamp(self.end)}"

    def contains(self, moment: datetime) -> bool:
        return (self.start is None or self.start <= moment) and moment < self.end

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start and self.start.isoformat(), "end": self.end.isoformat(), "kind": self.kind.value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Window:
        start = datetime.fromisoformat(data["start"]) if data["start"] else None
        return cls(start, datetime.fromisoformat(data["end"]), WindowKind(data["kind"]))


def _stamp(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ") if moment else "beginning"
