"""What is about to be written outside: noted before, settled after, so that a kill between the two is no secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_patterns.core.changes import Change, LinkEnds, RecordOutcome
from crm_patterns.core.ports.runs import RunKey
from crm_patterns.core.staging import StageRef


@dataclass(frozen=True, slots=True)
class Intent:
    """
    One change as it was noted. `outcome` is None while it is open: it may have been written.

    `tries` counts how often it was deferred; `written_at` is when the intent in flight was noted.
    """

    change_id: str
    run: RunKey
    written_at: datetime
    tries: int = 0
    outcome: RecordOutcome | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """
    What became of a change. With an accepted one its link is made, and what it agreed on is agreed; with a delete its
    link ends.

    `stays_open`: nobody knows whether it was written, so the intent stays as it is.
    """

    change: Change
    outcome: RecordOutcome
    stays_open: bool = False


class IntentStore(Protocol):
    """Intents, and the plans they come from."""

    def begin_writes(
        self, run: RunKey, changes: Sequence[Change], *, at: datetime, anew: bool = False
    ) -> Mapping[str, Intent]:
        """
        Note the changes before they are sent. Gives what was known of each until now, by its id; new ones are missing.

        Left as they are: what this run has settled, save for what was deferred; and what any run has settled as
        rejected, unless `anew`. An open intent goes over to this run, unless another run noted it: then it stays.
        """

    def take_over_writes(self, run: RunKey, change_ids: Sequence[str], *, before: datetime) -> Sequence[str]:
        """Of the open intents of other runs, those noted before that moment belong to this run now: their ids."""

    def settle_writes(self, run: RunKey, settled: Sequence[Settlement], *, at: datetime) -> Sequence[LinkEnds]:
        """
        Outcomes, links and agreements, in one transaction. Gives the links that could not be made.

        A DEFERRED outcome counts a try, open or not.
        """

    def outcomes_of(self, run: RunKey) -> Mapping[str, RecordOutcome]:
        """What this run has settled and no later run has redone, by change."""

    def intents(self, change_ids: Sequence[str]) -> Mapping[str, Intent]:
        """What is known of these changes, whichever run noted them last; those that were never noted are missing."""

    def remember_plan(self, run: RunKey, name: str, plan: StageRef) -> None:
        """The change set that this run applies under that name: the last one that was staged."""

    def plans(self, run: RunKey) -> Mapping[str, StageRef]: ...
