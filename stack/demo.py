"""`make demo`: the whole way once, through the real scheduler, and a page that says what happened."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from rich.console import Console

from stack import supervisor
from stack.airflow_api import AirflowApi
from stack.demo_page import print_page
from stack.demo_run import DemoRun
from stack.environment import process_environment
from stack.errors import StackError
from stack.home import REPOSITORY, StackHome
from stack.installation import SALESFORCE, Installation
from stack.run_progress import display_for, follow

DAG_ID = os.environ.get("CRM_STACK_DEMO_DAG", "crm_warehouse_elt")
KNOWN_WITHIN_S = 90.0
RUN_WITHIN_S = 900.0
SCHEDULED_RUN_WITHIN_S = 15.0
TICKS = 200
PLAIN_WIDTH = 120  # of a pipe or a file, which has no width of its own

Say = Callable[[str], None]


def demo(home: StackHome, say: Say) -> bool:
    """Start what is missing, let the CRM live on if it is not the first time, run the DAG, print the page.

    Ctrl-C stops the whole stack. Returns whether everything is as it should be.
    """
    began = time.monotonic()
    installation = supervisor.up(home, say)
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    try:
        with supervisor.interruptible(), AirflowApi(installation) as api:
            say(f"waiting for Airflow to read {DAG_ID}")
            wait_until_known(api, DAG_ID)
            if has_run_before(api, DAG_ID):
                live_on(installation, say)
            run_id = start_run(api, DAG_ID, say)
            say(f"following {run_id}")
            view = follow(api, DAG_ID, run_id, display_for(console), deadline_s=RUN_WITHIN_S)
            run = DemoRun(DAG_ID, run_id, view, time.monotonic() - began)
            return print_page(console, installation, run)
    except KeyboardInterrupt:
        say("interrupted; stopping the local stack")
        supervisor.down(home, say)
        raise


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


def live_on(installation: Installation, say: Say) -> None:
    """Let time pass in the sandbox's Salesforce org: records are created, edited, moved on, deleted, merged."""
    say("time passes in the CRM: records are created, edited, deleted and merged")
    command = [sys.executable, "-m", "sandbox", "tick", "--url", installation.url(SALESFORCE), "--count", str(TICKS)]
    environment = process_environment(installation, os.environ, service="demo")
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise StackError(f"The sandbox could not live on: {(result.stderr or result.stdout).strip()[-500:]}")


def start_run(api: AirflowApi, dag_id: str, say: Say) -> str:
    """The id of the run to follow.

    A DAG that was paused gets a run of its own accord when it is unpaused, for the last whole hour; a second run
    beside it would only wait for it. Otherwise one is asked for.
    """
    dag = api.find(f"/dags/{dag_id}") or {}
    if dag.get("is_paused"):
        say(f"switching {dag_id} on")
        api.unpause(dag_id)
        give_up = time.monotonic() + SCHEDULED_RUN_WITHIN_S
        while time.monotonic() < give_up:
            for run in api.every(f"/dags/{dag_id}/dagRuns", "dag_runs", state=["queued", "running"]):
                return str(run["dag_run_id"])
            time.sleep(0.5)
    return api.trigger(dag_id, conf={})
