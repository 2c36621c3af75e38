"""A plan as a page that a person reads: every record and field, before → after, why, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from crm_patterns.core.changes import Action, Fate
from crm_patterns.core.values import text_of

if TYPE_CHECKING:
    from crm_patterns.core.changes import Change, FieldChange
    from crm_patterns.core.ports import Intent
    from crm_patterns.core.staging import Manifest
    from crm_patterns.core.values import Value
    from crm_patterns.patterns.plan_parts import PlanPart, Shown
    from crm_patterns.patterns.write_gate import PlannedVolume

LONGEST = 2_000
"""Characters of a value that are shown."""

STYLE = """
:root { --ink: #1b2430; --dim: #5b6776; --line: #dde3ea; --paper: #fff; --card: #f7f9fb; --old: #fdecec; --new: #e7f6ec;
 --old-ink: #9b2226; --new-ink: #17643a; --link: #0b62c4; --blue: #e4effc; --amber: #fdf1d8; --amber-ink: #7a5200 }
@media (prefers-color-scheme: dark) { :root { --ink: #d7dee8; --dim: #93a0b0; --line: #2c3440; --paper: #14181f;
 --card: #1a2029; --old: #3a2023; --new: #18332a; --old-ink: #f2a5a8; --new-ink: #8fd8ae; --link: #7db7ff;
 --blue: #1c2f47; --amber: #3b3018; --amber-ink: #f0cb7c } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
 max-width: 72rem; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 } p.where { color: var(--dim); margin: .2rem 0 1.2rem; overflow-wrap: anywhere }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
table { border-collapse: collapse; width: 100% } th { font-weight: 600; color: var(--dim); font-size: .82em }
th, td { text-align: left; padding: .3rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top }
.counts { max-width: 46rem } .n { text-align: right; font-variant-numeric: tabular-nums }
nav { display: flex; gap: 1.2rem; margin: 1.4rem 0 .8rem; color: var(--dim) }
section { border: 1px solid var(--line); border-radius: .5rem; margin: 0 0 .9rem; overflow: hidden }
section header { display: flex; flex-wrap: wrap; gap: .3rem .7rem; align-items: baseline; padding: .45rem .7rem;
 background: var(--card); border-bottom: 1px solid var(--line) }
section tr:last-child td { border-bottom: 0 } section table { table-layout: fixed } td { overflow-wrap: anywhere }
.tag { border-radius: 1rem; padding: 0 .6rem; font-size: .82em; font-weight: 600; background: var(--blue) }
.create, .created, .updated, .deleted { background: var(--new); color: var(--new-ink) }
.delete, .rejected { background: var(--old); color: var(--old-ink) }
.deferred, .open { background: var(--amber); color: var(--amber-ink) } .fate { margin-left: auto }
.dim { color: var(--dim) }
p.says { margin: 0; padding: .35rem .7rem; background: var(--amber); color: var(--amber-ink) }
code { font-size: .9em; overflow-wrap: anywhere } td.old { background: var(--old) } td.new { background: var(--new) }
"""


def render(manifest: Manifest, part: PlanPart, shown: Shown, *, known: Mapping[str, Intent], uri: str) -> str:
    """The whole page; every text in it is escaped. `known` is what the state knows of the changes, by their id."""
    total, name = sum(volume.writes for volume in part.volumes), escape(manifest.address.source)
    nav = _paging(part, shown)
    cards = "".join(_change(change, known.get(change.change_id)) for change in part.changes)
    links = f"<p class=dim>{part.links:,} pairs belong together or agree; nothing is written for them.</p>"
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Plan of {name}</title>"
        f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>"
        f"<h1>{name}: {total:,} {'record' if total == 1 else 'records'} to write</h1>"
        f"<p class=where>As of {escape(manifest.evidence.read_at)} · {escape(uri)}</p>"
        f"{_counts(part.volumes, shown) if total else '<p>Nothing is to be written.</p>'}"
        f"{links if part.links else ''}{nav}{cards}{nav if part.changes else ''}</html>"
    )


def _counts(volumes: Sequence[PlannedVolume], shown: Shown) -> str:
    head = (
        "<tr><th>System<th>Object<th class=n>Create<th class=n>Update<th class=n>Delete<th class=n>Values emptied</tr>"
    )
    rows = "".join(_volume(each, shown) for each in volumes)
    return f"<table class=counts>{head}{rows}</table>"


def _volume(each: PlannedVolume, shown: Shown) -> str:
    about = replace(shown, first=0, system=each.system, object_name=each.object_name)
    counts = ((Action.CREATE, each.creates), (Action.UPDATE, each.updates), (Action.DELETE, each.deletes))
    cells = "".join(
        f"<td class=n>{_link(replace(about, action=action.value), f'{count:,}') if count else 0}</td>"
        for action, count in counts
    )
    name = _link(replace(about, action=""), each.object_name)
    return f"<tr><td>{escape(each.system)}</td><td>{name}</td>{cells}<td class=n>{each.blanks:,}</td></tr>"


def _paging(part: PlanPart, shown: Shown) -> str:
    """Where in the plan this page is, and the ways on."""
    last = min(shown.first + shown.size, part.matching)
    here = f"{shown.first + 1:,}–{last:,} of {part.matching:,}" if part.changes else "No change here."
    ways = [f"<span>{here}</span>"]
    if shown.first > 0:
        ways.append(_link(replace(shown, first=max(0, shown.first - shown.size)), "← Previous"))
    if last < part.matching:
        ways.append(_link(replace(shown, first=last), "Next →"))
    if shown.system or shown.object_name or shown.action:
        ways.append(_link(replace(shown, first=0, system="", object_name="", action=""), "Show all"))
    return f"<nav>{''.join(ways)}</nav>"


def _link(shown: Shown, text: str) -> str:
    given = {"first": shown.first, "size": shown.size, "system": shown.system, "object": shown.object_name}
    query = urlencode({name: value for name, value in {**given, "action": shown.action}.items() if value})
    return f'<a href="?{escape(query)}">{escape(text)}</a>'


def _change(change: Change, intent: Intent | None) -> str:
    record = change.record_id or f"for {change.key}"
    fate, says = _fate(intent)
    fields = "".join(_field(each) for each in change.fields)
    head = "<tr><th style='width:20%'>Field<th>Before<th>After<th style='width:26%'>Why</tr>"
    return (
        f"<section><header><span class='tag {change.action.value}'>{change.action.value}</span>"
        f"<span>{escape(change.system)} {escape(change.object_name)}</span><code>{escape(record)}</code>{fate}</header>"
        f"{says}{f'<table>{head}{fields}</table>' if fields else ''}</section>"
    )


def _field(each: FieldChange) -> str:
    rule = f" <span class=dim>{escape(each.rule)}</span>" if each.rule else ""
    return (
        f"<tr><td><code>{escape(each.name)}</code></td>{_value('old', each.before)}{_value('new', each.after)}"
        f"<td>{escape(each.reason)}{rule}</td></tr>"
    )


def _value(how: str, value: Value) -> str:
    """A cell, coloured where it holds something."""
    text = text_of(value)
    if text is None:
        return "<td><span class=dim title='no value'>∅</span></td>"
    return f"<td class={how}>{escape(text if len(text) <= LONGEST else f'{text[:LONGEST]}…')}</td>"


def _fate(intent: Intent | None) -> tuple[str, str]:
    """A tag, and a line where somebody has to read why."""
    if intent is None:
        return "<span class='fate dim'>not written yet</span>", ""
    outcome, run = intent.outcome, escape(f"{intent.run.dag_id} {intent.run.run_id}")
    if outcome is None:
        return f"<span class='fate tag open' title='{run}'>in flight</span>", ""
    tag = f"<span class='fate tag {outcome.fate.value}' title='{run}'>{outcome.fate.value}</span>"
    is_said = outcome.fate in (Fate.REJECTED, Fate.DEFERRED) and outcome.reason
    return tag, f"<p class=says>{escape(outcome.reason)}</p>" if is_said else ""
