"""The words of the drift audit's notice. Pure; keys and columns are named, values never are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crm_patterns.core.drift import DriftFinding, DriftKind, Settlement, SilentChange
from crm_patterns.notices.blocks import Message, context, escaped, header, message, section
from crm_patterns.notices.messages import SHOWN, RunFacts, where

_SENTENCES = {
    DriftKind.DIFFERENT: "{column} of {key} differed",
    DriftKind.MISSING: "{key} was missing in the warehouse",
    DriftKind.GONE: "{key} is in the warehouse and not at the source",
    DriftKind.COUNT: "the source counted more records than the warehouse held",
}
_SETTLED = {Settlement.REPAIRED: "put right", Settlement.REMAINS: "*remains*", Settlement.OPEN: "not touched"}


def drift(run: RunFacts, found: Sequence[tuple[str, DriftFinding]], silent: Sequence[SilentChange]) -> Message:
    """What a run found different, with what became of it, and fields seen to change without a stamp; one message."""
    settled = Counter(finding.settlement for _, finding in found)
    counts = ", ".join(f"{number:,} {_SETTLED[state].strip('*')}" for state, number in settled.items())
    title = f"{len(found):,} differences ({counts})" if found else f"{len(silent):,} fields change without a stamp"
    blocks = [header(f"🟣 {run.dag_id}: {title}")]
    if found:
        blocks.append(section("\n".join(_difference(name, finding) for name, finding in _worst_first(found)[:SHOWN])))
        blocks.append(
            section(
                "*Next:* all of them, with both values, are in `OPS.DRIFT_FINDINGS`. What remains is looked for again "
                "by the next run; docs/drift-audit.md says what each means."
            )
        )
    if silent:
        blocks.append(section("\n".join(_advice(change) for change in silent[:SHOWN])))
    blocks.append(context(where(run)))
    return message(f"{run.dag_id}: {title}.", blocks)


def _worst_first(found: Sequence[tuple[str, DriftFinding]]) -> list[tuple[str, DriftFinding]]:
    return sorted(found, key=lambda each: each[1].settlement is Settlement.REPAIRED)


def _difference(object_name: str, finding: DriftFinding) -> str:
    sentence = _SENTENCES[finding.kind].format(column=finding.column, key=finding.record_key)
    return f"• *{escaped(object_name, limit=100)}*: {escaped(sentence, limit=250)}: {_SETTLED[finding.settlement]}"


def _advice(change: SilentChange) -> str:
    name, field = escaped(change.object_name, limit=100), escaped(change.field_name, limit=100)
    return (
        f"• *{name}*: {field} changed in {change.rows:,} records and their stamp did not. Unless the warehouse was "
        f"changed by hand, add `refresh: [{field}]` under {name} in warehouse_elt.yaml."
    )
