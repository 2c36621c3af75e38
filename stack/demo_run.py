"""The runs of the demo, as they ended."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stack.run_progress import RunView

if TYPE_CHECKING:
    from stack.demo_sync import SyncStory


@dataclass(frozen=True, slots=True)
class DemoRun:
    """Which run, and how it ended."""

    dag_id: str
    run_id: str
    view: RunView

    @property
    def is_success(self) -> bool:
        """Whether the run itself is green; the ledger may know of more that is wrong."""
        return self.view.state == "success"


@dataclass(frozen=True, slots=True)
class Story:
    """The runs in their order; None for one that there was no need of. `took_s`: everything, starting included."""

    first: DemoRun | None
    changes: DemoRun | None = None
    upkeep: DemoRun | None = None
    audit: DemoRun | None = None
    sync: "SyncStory | None" = None
    took_s: float = 0.0

    def ended_after(self, took_s: float) -> "Story":
        return replace(self, took_s=took_s)

    @property
    def runs(self) -> Iterator[DemoRun]:
        """Those that there were."""
        own = (self.first, self.changes, self.upkeep, self.audit)
        return (run for run in (*own, *(self.sync.runs if self.sync else ())) if run is not None)
