"""One run of the demo, as it ended."""

from dataclasses import dataclass

from stack.run_progress import RunView


@dataclass(frozen=True, slots=True)
class DemoRun:
    """Which run, how it ended, and how long everything took, starting the stack included (seconds)."""

    dag_id: str
    run_id: str
    view: RunView
    took_s: float

    @property
    def is_success(self) -> bool:
        """Whether the run itself is green; the ledger may know of more that is wrong."""
        return self.view.state == "success"
