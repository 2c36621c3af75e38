"""The page at the end of the demo: what moved, from where to where, how many, how long, what was set aside and why."""

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.table import Table

from stack.demo_run import DemoRun, Story
from stack.demo_sync import SyncStory
from stack.environment import ADMIN
from stack.errors import StackError
from stack.installation import API_SERVER, HUBSPOT, SALESFORCE, WAREHOUSE, Installation
from stack.ledger import Ledger, Row, read_ledger

SETTLED_AS = ("created", "updated", "deleted", "unchanged", "rejected", "deferred")
ACCEPTABLE = {"success", "partial"}


def print_page(console: Console, installation: Installation, story: Story) -> bool:
    """Print it; returns whether everything on it is as it should be."""
    console.print()
    ids = [run.run_id for run in story.runs]
    elt = [run for run in (story.first, story.changes) if run is not None]
    ledgers = [_ledger(console, installation, run, facts_of=ids if run is elt[-1] else []) for run in elt]
    wrong = [sentence for run, ledger in zip(elt, ledgers, strict=True) for sentence in what_is_wrong(run, ledger)]
    wrong += [f"{run.dag_id} ended as {run.view.state}" for run in story.runs if run not in elt and not run.is_success]
    _headline(console, installation, story, ledgers)
    for run, ledger in zip(elt, ledgers, strict=True):
        _chapter(console, run, ledger, is_first=run is story.first)
    _facts(console, ledgers[-1].facts)
    if story.sync is not None:
        _in_step(console, installation, story.sync)
        wrong += story.sync.wrong
    for sentence in wrong:
        console.print(f"wrong: {sentence}", style="bold red", markup=False)
    if not wrong:
        console.print("\nAll of it is accounted for: what was read is what was written, unchanged or set aside.")
    _where_to_look(console, installation, elt[-1])
    return not wrong


def _ledger(console: Console, installation: Installation, run: DemoRun, *, facts_of: list[str]) -> Ledger:
    try:
        return read_ledger(installation, run.dag_id, run.run_id, facts_of=facts_of)
    except StackError as failure:
        console.print(str(failure), style="red", markup=False)
        return Ledger()


def _chapter(console: Console, run: DemoRun, ledger: Ledger, *, is_first: bool) -> None:
    title = "First everything" if is_first else "Then what had changed"
    console.print(f"\n[bold]{title}[/]  (run {run.run_id})")
    if ledger.outcomes:
        console.print(_objects([o for o in ledger.outcomes if is_first or _moved(o)]), soft_wrap=False)
    else:
        _task_states(console, run)
    _set_aside(console, ledger.set_aside)


def _moved(outcome: Row) -> bool:
    """Whether anything came of the object, or went wrong with it."""
    kinds = ("created", "updated", "deleted", "rejected", "deferred")
    return any(_count(outcome, kind) for kind in kinds) or outcome["state"] not in ACCEPTABLE


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


def _headline(console: Console, installation: Installation, story: Story, ledgers: list[Ledger]) -> None:
    records = sum(_count(outcome, "read") for ledger in ledgers for outcome in ledger.outcomes)
    objects = {outcome["object_name"] for ledger in ledgers for outcome in ledger.outcomes}
    states = {str(ledger.run.get("state") or "failed") for ledger in ledgers}
    state = next((state for state in ("failed", "partial") if state in states), "success")
    console.print(f"[bold]CRM to warehouse: {state}[/]")
    console.print(f"{records:,} records of {len(objects)} objects in {story.took_s:.0f} s, everything included")
    console.print(f"from  Salesforce  {installation.url(SALESFORCE)} (sandbox)")
    console.print(f"to    Snowflake   {installation.url(WAREHOUSE)} (local warehouse), database CRM")


def _facts(console: Console, facts: Mapping[str, list[Row]]) -> None:
    """What no single run shows: one line a topic, and what is worth a sentence of its own."""

    def tell(topic: str, text: str) -> None:
        console.print(f"{topic:<17} {text}", markup=False)

    console.print("\n[bold]What the warehouse holds now[/]")
    versions = [f"{_name(r)} {int(r['versions']):,} of {int(r['records']):,} records" for r in facts.get("history", [])]
    tell("history", f"versions: {', '.join(versions) or 'none'}")
    gone = [f"{int(row['records']):,} by {row['how']}" for row in facts.get("deletions", [])]
    merged = sum(int(row["merged"]) for row in facts.get("merges", []))
    tell("deletions", f"{', '.join(gone) or 'none'}; {merged:,} merged records lead to their survivor")
    for row in facts.get("schema_changes", []):
        tell("schema", str(row["sentence"]))
    for step, rows in _by_step(facts.get("steps", [])).items():
        tell(step.replace("_", " "), _worth_telling(rows))
    marts = [f"{_name(row)} {int(row['records']):,}" for row in facts.get("marts", [])]
    tell("marts", f"rows: {', '.join(marts) or 'none'}")


def _in_step(console: Console, installation: Installation, sync: SyncStory) -> None:
    """What was seen in both systems after the runs of the marketing pattern, and what became of the records."""
    console.print(f"\n[bold]Salesforce and HubSpot[/]  {installation.url(HUBSPOT)} (sandbox)")
    for run in sync.runs:
        ledger = _ledger(console, installation, run, facts_of=[])
        for outcome in ledger.outcomes:
            counts = ", ".join(f"{_count(outcome, kind):,} {kind}" for kind in SETTLED_AS if _count(outcome, kind))
            console.print(f"{outcome['object_name']:<17} {counts or 'nothing to do'}  (run {run.run_id})", markup=False)
    for topic, sentence in sync.seen:
        console.print(f"{topic:<17} {sentence}", markup=False)


def _by_step(rows: list[Row]) -> dict[str, list[Row]]:
    """Those that did something, in the order of their steps."""
    steps: dict[str, list[Row]] = {}
    for row in rows:
        if row["state"] != "skipped":
            steps.setdefault(str(row["step"]), []).append(row)
    return steps


def _worth_telling(rows: list[Row]) -> str:
    """How many objects, and the words of those of which something came."""
    moved = [r for r in rows if r["state"] != "success" or sum(_count(r, k) for k in ("created", "updated", "deleted"))]
    told = "; ".join(f"{row['object_name']}: {row['note'] or row.get('problem')}" for row in moved[:3])
    more = f"; and {len(moved) - 3} more" if len(moved) > 3 else ""
    objects = "1 object" if len(rows) == 1 else f"{len(rows)} objects"
    return f"{objects}; {told}{more}" if told else f"{objects}, nothing to put right"


def _name(row: Row) -> str:
    return str(row["name"]).lower()


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
