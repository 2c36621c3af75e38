"""Follow one DAG run through Airflow's REST API, and show how far it is."""

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from rich.console import Console
from rich.live import Live
from rich.table import Table

from stack.airflow_api import AirflowApi
from stack.errors import StackError

FINAL = {"success", "failed"}
SIGNS = {
    "success": "[green]done[/]",
    "failed": "[bold red]failed[/]",
    "upstream_failed": "[red]not run[/]",
    "skipped": "[dim]skipped[/]",
    "running": "[cyan]running[/]",
    "deferred": "[magenta]waiting[/]",
    "up_for_retry": "[yellow]again soon[/]",
    "queued": "[dim]queued[/]",
    "scheduled": "[dim]queued[/]",
}
SETTLED = {"success", "failed", "upstream_failed", "skipped", "removed"}
WORTH_A_LINE = SETTLED | {"up_for_retry"}


@dataclass(slots=True)
class RunView:
    """A run at one moment: its state, and the state of each task by task id."""

    state: str = "queued"
    tasks: dict[str, str] = field(default_factory=dict)
    durations_s: dict[str, float] = field(default_factory=dict)

    @property
    def settled(self) -> int:
        """Tasks that will not change any more."""
        return sum(state in SETTLED for state in self.tasks.values())


class Display(Protocol):
    """Shows a run while it goes on."""

    def show(self, view: RunView) -> None:
        """The run as it is now."""

    def close(self) -> None:
        """The run has ended."""


STEPS = ("extract", "load", "plan", "validate", "gate", "publish", "apply", "reconcile", "verify")


def follow(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    display: Display,
    *,
    deadline_s: float,
    attend: Callable[[RunView], None] | None = None,
) -> RunView:
    """Wait for the end of a run and show it meanwhile.

    Raises:
        StackError: it has not ended within `deadline_s`, or is gone.
    """
    path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}"
    give_up = time.monotonic() + deadline_s
    try:
        while True:
            run = api.find(path)
            if run is None:
                raise StackError(f"The run {run_id} of {dag_id} is gone from Airflow.")
            view = view_of(str(run["state"]), api.every(f"{path}/taskInstances", "task_instances"))
            display.show(view)
            if view.state in FINAL:
                return view
            if attend is not None:
                attend(view)
            if time.monotonic() > give_up:
                raise StackError(f"{dag_id} has not ended within {deadline_s:.0f} s; it goes on in the Airflow UI.")
            time.sleep(1.0)
    finally:
        display.close()


def view_of(state: str, task_instances: Iterable[Mapping[str, Any]]) -> RunView:
    """A run from the REST API's words; a task without a state yet is `waiting`."""
    view = RunView(state)
    for task in task_instances:
        view.tasks[task["task_id"]] = task["state"] or "waiting"
        view.durations_s[task["task_id"]] = float(task["duration"] or 0.0)
    return view


def display_for(console: Console) -> Display:
    """A live table on a terminal, one line per change elsewhere."""
    return LiveTable(console) if sys.stdout.isatty() else PlainLines(console)


class PlainLines:
    """One line for each task that ends or is tried again."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.said: dict[str, str] = {}

    def show(self, view: RunView) -> None:
        """Say what has changed since the last time."""
        for task_id, state in view.tasks.items():
            if state in WORTH_A_LINE and self.said.get(task_id) != state:
                self.said[task_id] = state
                took = f"{view.durations_s[task_id]:6.1f} s" if view.durations_s[task_id] else ""
                place = f"{view.settled:>3} of {len(view.tasks)}"
                self.console.print(f"{place}  {task_id:<36} {state:<16}{took}", markup=False)

    def close(self) -> None:
        """Nothing to take away."""


class LiveTable:
    """One row per task group, one column per step, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self.live = Live(console=console, refresh_per_second=4)
        self.live.start()

    def show(self, view: RunView) -> None:
        """Redraw."""
        self.live.update(grid(view))

    def close(self) -> None:
        """Leave the last picture and give the terminal back."""
        self.live.stop()


def grid(view: RunView) -> Table:
    """The task groups of a run by step; tasks outside a group come last, as steps of the run itself."""
    groups: dict[str, dict[str, str]] = {}
    steps: list[str] = []
    for task_id, state in view.tasks.items():
        group, _, step = task_id.rpartition(".")
        groups.setdefault(group, {})[step] = state
        if group and step not in steps:
            steps.append(step)
    order = {step: place for place, step in enumerate(STEPS)}
    steps.sort(key=lambda step: order.get(step, len(order)))
    table = Table(box=None, title=f"{view.settled} of {len(view.tasks)} tasks", title_justify="left", pad_edge=False)
    for heading in ("", *steps):
        table.add_column(heading, no_wrap=True)
    for group in sorted(groups, key=lambda name: (not name, name)):
        if group:
            table.add_row(group, *(SIGNS.get(groups[group].get(step, ""), "") for step in steps))
    for step, state in groups.get("", {}).items():
        table.add_row(step, SIGNS.get(state, ""))
    return table
