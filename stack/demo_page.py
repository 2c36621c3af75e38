"""The page at the end of the demo: what moved, from where to where, how many, how long, what was set aside and why."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from stack.demo_run import DemoRun
from stack.environment import ADMIN
from stack.errors import StackError
from stack.installation import API_SERVER, SALESFORCE, WAREHOUSE, Installation
from stack.ledger import Ledger, Row, read_ledger

SETTLED_AS = ("created", "updated", "deleted", "unchanged", "rejected", "deferred")
ACCEPTABLE = {"success", "partial"}


def print_page(console: Console, installation: Installation, run: DemoRun) -> bool:
    """Print it; returns whether everything on it is as it should be."""
    console.print()
    try:
        ledger = read_ledger(installation, run.dag_id, run.run_id)
    except StackError as failure:
        ledger = Ledger()
        console.print(str(failure), style="red", markup=False)
    wrong = list(what_is_wrong(run, ledger))
    _headline(console, installation, run, ledger)
    if ledger.outcomes:
        console.print(_objects(ledger.outcomes), soft_wrap=False)
    else:
        _task_states(console, run)
    _set_aside(console, ledger.set_aside)
    for sentence in wrong:
        console.print(f"wrong: {sentence}", style="bold red", markup=False)
    if not wrong:
        console.print("All of it is accounted for: what was read is what was written, unchanged or set aside.")
    _where_to_look(console, installation, run)
    return not wrong


def what_is_wrong(run: DemoRun, ledger: Ledger) -> Iterable[str]:
    """Every reason not to call the run a success, in a sentence."""
    if not run.is_success:
        failed = [task for task, state in run.view.tasks.items() if state == "failed"]
        yield f"the run ended as {run.view.state}" + (f"; failed: {', '.join(failed[:8])}" if failed else "")
    yield from (f"schema OPS of the warehouse: {why}" for why in ledger.unreadable)
    if not ledger.run:
        yield "the warehouse has no row for this run in OPS.RUNS"
        return
    if ledger.run["state"] not in ACCEPTABLE:
        yield f"OPS.RUNS calls it {ledger.run['state']}: {ledger.run.get('problem') or 'no reason given'}"
    for outcome in ledger.outcomes:
        if outcome["state"] not in ACCEPTABLE:
            yield f"{outcome['object_name']}: {outcome.get('problem') or outcome['state']} {outcome.get('fix') or ''}"
        elif not balances(outcome):
            yield f"{outcome['object_name']}: {outcome['records_read']} records read, but not all of them accounted for"


def balances(outcome: Row) -> bool:
    """Read = created + updated + deleted + unchanged + rejected + deferred."""
    return _count(outcome, "read") == sum(_count(outcome, kind) for kind in SETTLED_AS)


def _headline(console: Console, installation: Installation, run: DemoRun, ledger: Ledger) -> None:
    records = sum(_count(outcome, "read") for outcome in ledger.outcomes)
    state = str(ledger.run.get("state") or run.view.state)
    console.print(f"[bold]CRM to warehouse: {state}[/]")
    console.print(f"{records:,} records of {len(ledger.outcomes)} objects in {run.took_s:.0f} s, everything included")
    console.print(f"from  Salesforce  {installation.url(SALESFORCE)} (sandbox)")
    console.print(f"to    Snowflake   {installation.url(WAREHOUSE)} (local warehouse), database CRM")
    console.print(f"run   {run.run_id}\n", markup=False)


def _objects(outcomes: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False, show_footer=True)
    kinds = ("read", "created", "updated", "deleted", "unchanged", "rejected", "deferred")
    headings = ("read", "new", "changed", "deleted", "unchanged", "set aside", "later")
    table.add_column("object", footer="all")
    for kind, heading in zip(kinds, headings, strict=True):
        footer = f"{sum(_count(outcome, kind) for outcome in outcomes):,}"
        table.add_column(heading, footer=footer, justify="right")
    table.add_column("in CRM", justify="right")
    table.add_column("read by")
    table.add_column("state")
    for outcome in outcomes:
        counts = (f"{_count(outcome, kind):,}" for kind in kinds)
        at_source = outcome.get("source_count")
        shown = "" if at_source is None else f"{int(at_source):,}"
        table.add_row(str(outcome["object_name"]), *counts, shown, outcome.get("method") or "", outcome["state"])
    return table


def _set_aside(console: Console, rows: list[Row]) -> None:
    if rows:
        console.print("\nSet aside, and why:")
    for row in rows:
        where = f"{row['object_name']}.{row['field_name']}" if row["field_name"] else str(row["object_name"])
        console.print(f"  {int(row['records']):>6,}  {where}: {row['reason']}", markup=False)


def _task_states(console: Console, run: DemoRun) -> None:
    states = list(run.view.tasks.values())
    for state in sorted(set(states)):
        console.print(f"  {states.count(state):>4} tasks {state}", markup=False)


def _where_to_look(console: Console, installation: Installation, run: DemoRun) -> None:
    url = installation.url(API_SERVER)
    console.print(f"\nlook at it   {url}/dags/{run.dag_id}", markup=False)
    console.print(f"sign in as   {ADMIN}, password {installation.secrets.admin_password}", markup=False)
    console.print("stop it      make down")


def _count(outcome: Row, kind: str) -> int:
    return int(outcome.get(f"records_{kind}") or 0)
