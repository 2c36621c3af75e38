"""The words of each notice. Pure: facts in, a message within Slack's limits out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.pieces import pieces
from crm_patterns.notices.blocks import Message, context, escaped, header, link, message, section

SHOWN = 8
SHOWN_CHANGES = 20
_CHANGES_PER_SECTION = 5
_PROBLEM = 600
_FIX = 400
_NAME = 200


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run, and where to look. A URL is empty where Airflow's own address (`[api] base_url`) is not configured."""

    dag_id: str
    run_id: str
    run_type: str = ""
    run_url: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """One object (or, where none is known, one task) that failed, why, and what to do."""

    name: str
    problem: str
    fix: str = ""
    step: str = ""
    log_url: str = ""


@dataclass(frozen=True, slots=True)
class SetAside:
    """Records of one object that one rule kept out."""

    object_name: str
    reason: str
    records: int


def failed(run: RunFacts, faults: Sequence[Fault]) -> Message:
    """One message for the whole run, whatever the number of objects that failed in it."""
    names = _names([fault.name for fault in faults])
    first = faults[0]
    blocks = [header(f"🔴 {run.dag_id} failed: {names}"), *(section(_fault(fault)) for fault in faults[:SHOWN])]
    if len(faults) > SHOWN:
        blocks.append(section(f"… and {len(faults) - SHOWN} more; the run shows them all."))
    blocks.append(
        section(
            "*Next:* do what the line above says, then clear the red task group in the run. "
            "Clearing is safe any number of times; nothing half-written is visible."
        )
    )
    blocks.append(context(where(run, log_url=first.log_url)))
    return message(f"{run.dag_id} failed: {names}. {first.problem} {first.fix}".strip(), blocks)


def recovered(run: RunFacts, problem: str) -> Message:
    """The first green run after an announced failure."""
    blocks = [
        header(f"🟢 {run.dag_id} is green again"),
        section(f"It had failed with: {escaped(problem, limit=_PROBLEM)}"),
        context(where(run)),
    ]
    return message(f"{run.dag_id} is green again. It had failed with: {problem}", blocks)


def partial(
    run: RunFacts,
    *,
    rejected: int,
    deferred: int,
    objects: Sequence[str],
    reasons: Sequence[SetAside],
    recovered_from: str | None = None,
) -> Message:
    """A green run that set records aside or left some for later; also says so where it ends an announced failure."""
    counts = " and ".join(
        f"{number:,} {word}" for number, word in ((rejected, "set aside"), (deferred, "left for a later run")) if number
    )
    counts = counts or "something set aside"
    blocks = [header(f"🟡 {run.dag_id}: {counts}")]
    if recovered_from is not None:
        blocks.append(section(f"Green again; it had failed with: {escaped(recovered_from, limit=_PROBLEM)}"))
    blocks.append(section(f"Objects: {escaped(', '.join(objects), limit=1_000)}. Everything else is published."))
    lines = [
        f"• *{escaped(group.object_name, limit=100)}*: {group.records:,} × {escaped(group.reason, limit=250)}"
        for group in reasons[:SHOWN]
    ]
    if lines:
        blocks.append(section("\n".join(lines)))
    blocks.append(
        section(
            "*Next:* the records and their reasons are in `OPS.QUARANTINE` of the warehouse. "
            "Correct them at the source: the next run takes them up by itself."
        )
    )
    blocks.append(context(where(run)))
    return message(f"{run.dag_id}: {counts} ({', '.join(objects)}).", blocks)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of an object that is not what it was, in a sentence. `is_grave`: somebody should look."""

    object_name: str
    sentence: str
    is_grave: bool


def schema_changed(run: RunFacts, changes: Sequence[FieldChange]) -> Message:
    """Every change of a run in one message, the gravest first."""
    count = f"{len(changes)} field {'change' if len(changes) == 1 else 'changes'} in the CRM"
    grave = sum(change.is_grave for change in changes)
    lines = [
        f"{'⚠️' if change.is_grave else '•'} *{escaped(change.object_name, limit=100)}*: "
        f"{escaped(change.sentence, limit=400)}"
        for change in changes[:SHOWN_CHANGES]
    ]
    if len(changes) > SHOWN_CHANGES:
        lines.append(f"… and {len(changes) - SHOWN_CHANGES} more.")
    blocks = [header(f"🔵 {run.dag_id}: {count}" + (f", {grave} to look at" if grave else ""))]
    blocks += [section("\n".join(part)) for part in pieces(lines, _CHANGES_PER_SECTION)]
    blocks.append(
        section(
            "The run went on and no value was lost. All of them are in `OPS.SCHEMA_CHANGES`; docs/schema-drift.md says "
            "what each means."
        )
    )
    blocks.append(context(where(run)))
    first = changes[0]
    return message(f"{run.dag_id}: {count}. {first.object_name}: {first.sentence}", blocks)


def question(run: RunFacts, *, name: str, reason: str, page: str, wait: timedelta, looked_at: str = "") -> Message:
    """
    A person is needed: nothing happens until they answer, and the run waits for them.

    `looked_at` is the address of a plan: what is asked is then whether to write it to another system.
    """
    do, done = ("write", "written") if looked_at else ("publish", "published")
    there = f" {link(page, 'Answer here')}, under Required Actions." if page else ""
    there += f" {link(looked_at, 'The whole plan')}." if looked_at else ""
    blocks = [
        header(f"🟣 {run.dag_id} asks: {do} {name}?"),
        section(escaped(f"{reason[:1].upper()}{reason[1:]}. Nothing of it is {done}.", limit=_PROBLEM)),
        section(
            f"*Next:* look whether that is right, then approve or reject within {_words(wait)}.{there} "
            f"Without an answer the object fails and nothing is {done}."
        ),
        context(where(run)),
    ]
    return message(f"{run.dag_id} asks whether to {do} {name}: {reason}.", blocks)


def deferred(run: RunFacts, *, objects: Sequence[str], reason: str) -> Message:
    """Objects that began to wait for quota. Said once, however many runs they wait."""
    names = _names(objects)
    blocks = [
        header(f"⏸️ {run.dag_id} waits for quota: {names}"),
        section(escaped(reason, limit=_PROBLEM)),
        section(
            "*Next:* nothing, if it can wait: each run of the schedule tries again, and goes on from where the last "
            "proven one ended. You are told when it has caught up. If it cannot wait: see who spends the calls (Setup, "
            "Company Information), or lower `quota.reserve_share`."
        ),
        context(where(run)),
    ]
    return message(f"{run.dag_id} waits for quota: {names}. {reason}", blocks)


def caught_up(run: RunFacts, *, objects: Sequence[str]) -> Message:
    """The quota has recovered, and nothing waits any more."""
    names = _names(objects)
    blocks = [
        header(f"🟢 {run.dag_id} has caught up"),
        section(escaped(f"Read again after waiting for quota: {names}.", limit=_PROBLEM)),
        context(where(run)),
    ]
    return message(f"{run.dag_id} has caught up; it had waited for quota: {names}.", blocks)


def _names(objects: Sequence[str]) -> str:
    more = f" and {len(objects) - 3} more" if len(objects) > 3 else ""
    return ", ".join(objects[:3]) + more


def late(run: RunFacts, *, allowed: timedelta, due: datetime, now: datetime, state: str) -> Message:
    """A run that is not done at its deadline."""
    over = max(now - due, timedelta())
    sentence = (
        f"The run is {state or 'not finished'} and was due {due:%Y-%m-%d %H:%M:%S} UTC, {_words(allowed)} after it was "
        f"queued; that is {_words(over)} ago."
    )
    blocks = [
        header(f"🟠 {run.dag_id} is late"),
        section(escaped(sentence, limit=_PROBLEM)),
        section(
            "*Next:* open the run and see which task is running, waiting for a pool slot or retrying; its log says "
            "what it waits for. The run goes on by itself; until it is done, people query the data published last."
        ),
        context(where(run)),
    ]
    return message(f"{run.dag_id} is late. {sentence}", blocks)


def _fault(fault: Fault) -> str:
    step = f" · {escaped(fault.step, limit=_NAME)}" if fault.step else ""
    text = f"*{escaped(fault.name, limit=_NAME)}*{step}\n{escaped(fault.problem, limit=_PROBLEM)}"
    if fault.fix:
        text += f"\n*What to do:* {escaped(fault.fix, limit=_FIX)}"
    return text + (f"\n{link(fault.log_url, 'Log')}" if fault.log_url else "")


def where(run: RunFacts, *, log_url: str = "") -> str:
    kind = f"{escaped(run.run_type, limit=_NAME)} run " if run.run_type else "run "
    parts = [f"{kind}`{escaped(run.run_id, limit=300)}`"]
    if run.run_url:
        parts.append(link(run.run_url, "Open the run"))
    if log_url:
        parts.append(link(log_url, "Open the log"))
    return "  ·  ".join(parts)


def _words(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, unit in units:
        number, seconds = divmod(seconds, size)
        if number:
            parts.append(f"{number} {unit}")
    return " ".join(parts[:2]) or "0 s"
