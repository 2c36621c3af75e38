"""A plan as people read it: what changes, field by field, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from crm_patterns.core.changes import Change, ChangeSet
from crm_patterns.core.values import Value, text_of
from crm_patterns.patterns.write_gate import volumes

LONGEST = 60


def lines_of(changes: ChangeSet, *, most: int) -> Iterator[str]:
    """The counts by system and object, and the first `most` changes."""
    for each in volumes(changes, held={}):
        yield (
            f"{each.system} {each.object_name}: {each.creates:,} to create, {each.updates:,} to update, "
            f"{each.deletes:,} to delete; {each.blanks:,} values would be emptied"
        )
    writes = changes.writes
    links = len(changes) - len(writes)
    if links:
        yield f"{links:,} pairs are found to belong together, or to agree; nothing is written for them"
    if not writes:
        yield "Nothing is to be written."
    for change in writes[:most]:
        yield from change_lines(change)
    if len(writes) > most:
        yield f"… and {len(writes) - most:,} more; all of them are on the plan's page."


def change_lines(change: Change) -> Iterator[str]:
    yield f"{change.action} {change.system} {change.object_name} {change.record_id or f'for {change.key}'}"
    width = max((len(each.name) for each in change.fields), default=0)
    for each in change.fields:
        why = ", ".join(part for part in (each.reason, each.rule) if part)
        yield f"    {each.name:<{width}}  {shown(each.before)} → {shown(each.after)}   ({why})"


def shown(value: Value) -> str:
    """A value in one short line; `∅` where there is none."""
    text = text_of(value)
    if text is None:
        return "∅"
    line = " ".join(text.split())
    return repr(line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…")


def counted(sentences: Iterable[str], *, most: int) -> Iterator[str]:
    """The first `most` of them, and how many more there are."""
    listed = list(sentences)
    yield from listed[:most]
    if len(listed) > most:
        yield f"… and {len(listed) - most:,} more like these."
