"""`make demo`: the whole way, through the real scheduler, and a page that says what happened."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from stack import supervisor
from stack.airflow_api import AirflowApi
from stack.demo_page import print_page
from stack.demo_run import DemoRun, Story
from stack.demo_sync import Approver, tell_sync
from stack.errors import StackError
from stack.home import StackHome
from stack.installation import Installation
from stack.marketing_people import is_wanted
from stack.passing_time import be_eventful, live_on
from stack.run_progress import display_for, follow

ELT, UPKEEP, AUDIT = "crm_warehouse_elt", "crm_warehouse_upkeep", "crm_drift_audit"
KNOWN_WITHIN_S = 90.0
RUN_WITHIN_S = 900.0
SCHEDULED_RUN_WITHIN_S = 15.0
SETTLED_AFTER_S = 4.0  # more than the local stack's lag_s: younger rows are left to the next run
PLAIN_WIDTH = 120  # of a pipe or a file, which has no width of its own

Say = Callable[[str], None]


def demo(home: StackHome, say: Say) -> bool:
    """Start what is missing, run the DAGs while the CRM lives on between them, print the page.

    Ctrl-C stops the whole stack. Returns whether everything is as it should be.
    """
    began = time.monotonic()
    installation = supervisor.up(home, say)
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    try:
        with supervisor.interruptible(), AirflowApi(installation) as api:
            story = tell(installation, api, console, say)
            return print_page(console, installation, story.ended_after(time.monotonic() - began))
    except KeyboardInterrupt:
        say("interrupted; stopping the local stack")
        supervisor.down(home, say)
        raise


def tell(installation: Installation, api: AirflowApi, console: Console, say: Say) -> Story:
    """First all of the CRM, then what changed, then what the hourly windows cannot see. The second time: no first."""

    def run(dag_id: str, conf: Mapping[str, Any] | None = None) -> DemoRun:
        wait_until_known(api, dag_id)
        run_id = start_run(api, dag_id, say, conf)
        say(f"following {dag_id}, {run_id}")
        approver = Approver(api, dag_id, run_id, say)
        view = follow(api, dag_id, run_id, display_for(console), deadline_s=RUN_WITHIN_S, attend=approver.attend)
        return DemoRun(dag_id, run_id, view)

    say(f"waiting for Airflow to read {ELT}")
    wait_until_known(api, ELT)
    first = None if has_run_before(api, ELT) else run(ELT)
    if first is not None and not first.is_success:
        return Story(first)
    live_on(installation, say)
    if first is not None:
        be_eventful(installation, say)
    time.sleep(SETTLED_AFTER_S)
    changes = run(ELT)
    upkeep = run(UPKEEP)
    audit = run(AUDIT) if first is not None else None
    sync = tell_sync(installation, run, say) if is_wanted() else None
    return Story(first, changes, upkeep, audit, sync)


def wait_until_known(api: AirflowApi, dag_id: str) -> None:
    """Wait until the dag-processor has read the DAG.

    Raises:
        StackError: it has not in time; with the import error if there is one.
    """
    give_up = time.monotonic() + KNOWN_WITHIN_S
    while api.find(f"/dags/{dag_id}") is None:
        errors = api.every("/importErrors", "import_errors")
        broken = [f"{error['filename']}:\n{error['stack_trace']}" for error in errors]
        if broken:
            raise StackError("A DAG file cannot be imported. " + "\n".join(broken))
        if time.monotonic() > give_up:
            raise StackError(f"Airflow has not found a DAG {dag_id} within {KNOWN_WITHIN_S:.0f} s.")
        time.sleep(0.5)


def has_run_before(api: AirflowApi, dag_id: str) -> bool:
    """Whether any run of the DAG has ended well."""
    runs = api.find(f"/dags/{dag_id}/dagRuns", state="success", limit=1) or {}
    return bool(runs.get("total_entries"))


def start_run(api: AirflowApi, dag_id: str, say: Say, conf: Mapping[str, Any] | None = None) -> str:
    """The id of the run to follow.

    A DAG that was paused gets a run of its own accord when it is unpaused, for the last whole interval; a second run
    beside it would only wait for it. Otherwise, and wherever the run is given a `conf`, one is asked for.
    """
    dag = api.find(f"/dags/{dag_id}") or {}
    if dag.get("is_paused"):
        say(f"switching {dag_id} on")
        api.unpause(dag_id)
    if dag.get("is_paused") and conf is None:
        give_up = time.monotonic() + SCHEDULED_RUN_WITHIN_S
        while time.monotonic() < give_up:
            for run in api.every(f"/dags/{dag_id}/dagRuns", "dag_runs", state=["queued", "running"]):
                return str(run["dag_run_id"])
            time.sleep(0.5)
    return api.trigger(dag_id, conf=conf or {})
