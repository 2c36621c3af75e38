"""A plan in parts that fit a page, with the counts of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crm_patterns.core.changes import Action, Change
from crm_patterns.patterns.write_gate import PlannedVolume

Row = tuple[int, str, str, str, str | None, str | None]
"""Position, system, object, action, before, after: what is needed of a row to count it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Which changes are wanted: those of a system, an object, an action (empty: all), `size` of them from `first`."""

    first: int = 0
    size: int = 100
    system: str = ""
    object_name: str = ""
    action: str = ""

    def is_about(self, system: str, object_name: str, action: str) -> bool:
        wanted = ((self.system, system), (self.object_name, object_name), (self.action, action))
        return all(given in ("", found) for given, found in wanted)


@dataclass(frozen=True, slots=True)
class PlanPart:
    """
    The `changes` of one page, of `matching` that are wanted. `volumes` are of the whole plan; `links` writes nothing.
    """

    volumes: Sequence[PlannedVolume]
    changes: Sequence[Change]
    matching: int
    links: int


@dataclass
class Counting:
    """Counts the rows of a plan as they come, in order, and tells which of them are on the page."""

    shown: Shown
    matching: int = 0
    links: int = 0
    _actions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _blanks: Counter[tuple[str, str]] = field(default_factory=Counter)
    _position: int = -1
    _is_shown: bool = False

    def rows_shown(self, rows: Iterable[Row]) -> list[int]:
        """Indices, within these rows, of those on the page."""
        return [number for number, row in enumerate(rows) if self._count(row)]

    def volumes(self) -> Sequence[PlannedVolume]:
        return [self._volume(*target) for target in sorted({key[:2] for key in self._actions})]

    def _volume(self, system: str, object_name: str) -> PlannedVolume:
        creates, updates, deletes = (
            self._actions[system, object_name, action] for action in (Action.CREATE, Action.UPDATE, Action.DELETE)
        )
        return PlannedVolume(system, object_name, creates, updates, deletes, self._blanks[system, object_name])

    def _count(self, row: Row) -> bool:
        position, system, object_name, action, before, after = row
        if action != Action.LINK and before is not None and after is None:
            self._blanks[system, object_name] += 1
        if position != self._position:
            self._position, self._is_shown = position, self._is_wanted(system, object_name, action)
        return self._is_shown

    def _is_wanted(self, system: str, object_name: str, action: str) -> bool:
        if action == Action.LINK:
            self.links += 1
            return False
        self._actions[system, object_name, action] += 1
        if not self.shown.is_about(system, object_name, action):
            return False
        self.matching += 1
        return self.shown.first < self.matching <= self.shown.first + self.shown.size
