"""Decisions about marts: what one is made from, whether there is anything to do, and what must not go unnoticed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_patterns.core.marts import Kept, MartBuild, MartDefinition, MartInput, MartState
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import ObjectOutcome, Table


@dataclass(frozen=True, slots=True)
class Places:
    """The schemas that marts read from and are kept in."""

    current: str
    history: str
    marts: str
    attempts: str

    def of(self, item: MartInput) -> Table:
        return Table(self.history if item.kept is Kept.HISTORY else self.current, item.table)


def what_is_missing(mart: MartDefinition, found: Mapping[str, Collection[str]], places: Places) -> str:
    """
    Why the mart cannot be built, in a sentence; empty where it can.

    `found` holds the columns of each input that is there, by the input's name.
    """
    for item in mart.inputs:
        lacking = lacking_columns(item, found)
        if item.optional or not lacking:
            continue
        table = places.of(item)
        what = f"{table.schema}.{table.name}"
        if item.name not in found:
            hint = f"; add {item.object_name} to the objects of the settings" if item.object_name else ""
            return f"{what} is not there{hint}"
        return f"{what} has no {', '.join(lacking)}; include and exclude in the settings decide that"
    if mart.one_of and not any(is_usable(item, found) for item in mart.inputs if item.name in mart.one_of):
        wanted = " nor ".join(_named(places.of(item)) for item in mart.inputs if item.name in mart.one_of)
        return f"neither {wanted} is there with what is needed"
    return ""


def lacking_columns(item: MartInput, found: Mapping[str, Collection[str]]) -> list[str]:
    there = found.get(item.name, ())
    return [column for column in item.columns if column not in there]


def is_usable(item: MartInput, found: Mapping[str, Collection[str]]) -> bool:
    return item.name in found and not lacking_columns(item, found)


def why_build(*, is_there: bool, last: MartBuild | None, versions: Mapping[str, Any]) -> str:
    """Why the mart has to be built now, in a few words; empty where it would come out the same."""
    if not is_there:
        return "it is not there yet"
    if last is None:
        return "nothing is known of its last build"
    changed = sorted(name for name in {*versions, *last.versions} if versions.get(name) != last.versions.get(name))
    if "definition" in changed:
        return "its definition or a setting has changed"
    return f"changed since it was built: {', '.join(changed)}" if changed else ""


def unaccounted(
    mart: str, objects: Sequence[str], builds: Collection[MartBuild], outcomes: Mapping[str, ObjectOutcome]
) -> str:
    """What is wrong with the mart at the end of a run, in a sentence; empty where all is as it should be."""
    known = next((build for build in builds if build.mart == mart), None)
    if known is not None:
        return known.reason if known.state is MartState.FAILED else ""
    held_up = any(name in outcomes and outcomes[name].state is RunState.FAILED for name in objects)
    return "" if held_up else f"{mart} was not built: its task ended without a word, or never ran."


def _named(table: Table) -> str:
    return f"{table.schema}.{table.name}"
