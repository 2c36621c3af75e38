"""Would a plan write so much that a person should look first?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from crm_patterns.core.changes import Action, Change, ChangeSet
from crm_patterns.core.values import text_of

SAMPLE = 10


@dataclass(frozen=True, slots=True)
class GateRules:
    """
    More than this asks a person; None never does. `share` (0..1) is of the records that the target holds, and fewer
    than `share_at_least` writes never ask for its sake. `blanks` counts field values that would be lost.
    """

    records: int | None = 1_000
    share: float | None = 0.1
    share_at_least: int = 50
    deletes: int | None = 0
    blanks: int | None = 50


@dataclass(frozen=True, slots=True)
class PlannedVolume:
    """What a plan would do to one object of one system. `held`: its records; None where nobody counted."""

    system: str
    object_name: str
    creates: int = 0
    updates: int = 0
    deletes: int = 0
    blanks: int = 0
    held: int | None = None

    @property
    def writes(self) -> int:
        return self.creates + self.updates + self.deletes


def volumes(changes: ChangeSet, *, held: Mapping[tuple[str, str], int | None]) -> list[PlannedVolume]:
    """One for each object that is written to, in order; `held` by (system, object)."""
    return [
        PlannedVolume(
            *target,
            creates=sum(c.action is Action.CREATE for c in some),
            updates=sum(c.action is Action.UPDATE for c in some),
            deletes=sum(c.action is Action.DELETE for c in some),
            blanks=sum(c.blanks for c in some),
            held=held.get(target),
        )
        for target, every in changes.by_target()
        if (some := [change for change in every if change.action is not Action.LINK])
    ]


def alarms(planned: Sequence[PlannedVolume], rules: GateRules) -> list[str]:
    """Why a person has to approve, a sentence each; empty where nobody has to."""
    return [f"{each.system} {each.object_name}: {reason}" for each in planned for reason in _reasons(each, rules)]


def _reasons(volume: PlannedVolume, rules: GateRules) -> Iterator[str]:
    if rules.records is not None and volume.writes > rules.records:
        yield f"{volume.writes:,} records would be written, more than {rules.records:,}"
    if rules.deletes is not None and volume.deletes > rules.deletes:
        yield f"{volume.deletes:,} records would be deleted, more than {rules.deletes:,}"
    if rules.blanks is not None and volume.blanks > rules.blanks:
        yield f"{volume.blanks:,} values would be emptied, more than {rules.blanks:,}"
    touched = volume.updates + volume.deletes
    if rules.share is not None and volume.held is not None and touched >= rules.share_at_least:
        share = touched / volume.held if volume.held else 1.0
        if share > rules.share:
            yield f"{touched:,} of {volume.held:,} records ({share:.0%}) would change, more than {rules.share:.0%}"


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked, and shown, on the page in Airflow where it is answered."""

    alarms: Sequence[str]
    volumes: Sequence[PlannedVolume]
    sample: Sequence[Change]
    object_name: str = ""
    """What the plan is of: the name of a pairing."""
    page: str = ""
    """The address of the whole plan; empty where it has none."""

    @property
    def rows(self) -> int:
        """How many records would be written."""
        return sum(each.writes for each in self.volumes)

    @property
    def reason(self) -> str:
        return "; ".join(self.alarms)

    @property
    def subject(self) -> str:
        more = f", and {len(self.alarms) - 1} more reasons" if len(self.alarms) > 1 else ""
        return f"{self.alarms[0]}{more}"

    @property
    def body(self) -> str:
        """Markdown."""
        reasons = "".join(f"- {alarm}\n" for alarm in self.alarms)
        counts = "".join(
            f"| {v.system} | {v.object_name} | {v.creates:,} | {v.updates:,} | {v.deletes:,} | {v.blanks:,} |\n"
            for v in self.volumes
        )
        rows = "".join(f"| {line} |\n" for change in self.sample for line in _lines(change))
        return (
            f"This plan waits for you:\n\n{reasons}\n"
            f"| system | object | create | update | delete | values emptied |\n|---|---|---|---|---|---|\n{counts}\n"
            f"Some of it:\n\n| record | field | before | after | why |\n|---|---|---|---|---|\n{rows}\n"
            f"{f'[The whole plan]({self.page})' + chr(10) * 2 if self.page else ''}"
            "**Approve** writes the plan as it is. **Reject** writes nothing; the next run plans anew."
        )


def question(
    changes: ChangeSet, rules: GateRules, *, held: Mapping[tuple[str, str], int | None], name: str = "", page: str = ""
) -> Question | None:
    """None where the plan may be applied at once. Deletes, and values that are lost, are shown first."""
    planned = volumes(changes, held=held)
    found = alarms(planned, rules)
    if not found:
        return None
    gravest = sorted(changes.writes, key=lambda c: (c.action is not Action.DELETE, -c.blanks))
    return Question(found, planned, gravest[:SAMPLE], name, page)


def _lines(change: Change) -> Iterator[str]:
    record = f"{change.action} {change.system} {change.object_name} {change.record_id or change.key}"
    for each in change.fields:
        before, after = (_cell(text_of(value)) for value in (each.before, each.after))
        yield f"{record} | {each.name} | {before} | {after} | {_cell(each.reason)}"
    if not change.fields:
        yield f"{record} | | | | "


def _cell(text: str | None) -> str:
    """Safe in a Markdown table, and short."""
    if text is None:
        return "∅"
    line = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return line if len(line) <= 80 else f"{line[:79]}…"
