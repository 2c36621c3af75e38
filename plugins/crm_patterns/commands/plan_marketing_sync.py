"""`python -m crm_patterns plan marketing_sync`: what the next run would write, without writing anything anywhere."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from crm_patterns.catalog import include_dir, load_marketing_sync

if TYPE_CHECKING:
    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.changes import Side
    from crm_patterns.core.ports import Sink
    from crm_patterns.steps.preview import Preview
    from crm_patterns.steps.sync import CycleOrder

HELP = """\
exit status
  0  nothing to write
  1  an error: a system cannot be reached, or the settings do not fit it
  2  there are changes, within the limits of the gate
  3  there are changes that a run would ask a person about

Reads Salesforce, the platforms and the state. Nothing is written to any of them: no window is claimed, no watermark
moves, no plan is staged. The suites of Great Expectations, which may take records out of a plan, are not run.
"""


class Verdict(IntEnum):
    """The exit status; of several pairings the highest one."""

    NOTHING = 0
    CHANGES = 2
    ASKS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pattern", choices=["marketing_sync"])
    parser.add_argument("--platform", action="append", default=[], help="only this one; may be given several times")
    parser.add_argument("--direction", choices=["both", "to_platform", "to_salesforce"], default="both")
    parser.add_argument("--record", action="append", default=[], metavar="ID", help="only this record, of either side")
    parser.add_argument("--full", action="store_true", help="compare everything, not only what changed since")
    parser.add_argument("--approve-above", type=int, metavar="N", help="as in the form of a run")
    parser.add_argument("--show", type=int, metavar="N", help="so many changes (default: log_changes of the settings)")


def run(given: argparse.Namespace) -> int:
    """Prints the diff of each pairing; gives the exit status."""
    settings = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")
    known = [platform.name for platform in settings.platforms]
    if unknown := set(given.platform) - set(known):
        from crm_patterns.core.errors import FixSettings

        raise FixSettings(f"There is no platform {', '.join(sorted(unknown))}.", fix=f"There are: {', '.join(known)}.")
    verdict = Verdict.NOTHING
    for name in given.platform or known:
        with _both_sides(settings, name) as sinks:
            for pairing in settings.platform(name).pairings:
                verdict = max(verdict, _one(settings, sinks, name, pairing.name, given))
    return verdict


def verdict_of(seen: Preview) -> Verdict:
    if seen.asks is not None:
        return Verdict.ASKS
    return Verdict.CHANGES if seen.writes else Verdict.NOTHING


def _one(
    settings: MarketingSyncSettings,
    sinks: Mapping[Side, Sink],
    platform: str,
    pairing: str,
    given: argparse.Namespace,
) -> Verdict:
    from crm_patterns.hooks.state import StateHook
    from crm_patterns.pairings import gate_rules
    from crm_patterns.steps.preview import preview

    state = StateHook(settings.state_conn_id).state()
    try:
        order = _order(settings, platform, pairing, given)
        seen = preview(sinks, state, order, gate_rules(settings, approve_above=given.approve_above))
    finally:
        state.close()
    for line in text_of(pairing, seen, most=settings.log_changes if given.show is None else given.show):
        sys.stdout.write(f"{line}\n")
    return verdict_of(seen)


def text_of(pairing: str, seen: Preview, *, most: int) -> Iterator[str]:
    from crm_patterns.patterns.plan_text import lines_of
    from crm_patterns.steps.sync import left_out

    yield f"== {pairing}"
    yield from lines_of(seen.changes, most=most)
    yield from left_out(seen.planned, most=most)
    if seen.asks is not None:
        yield f"A run would ask a person: {seen.asks.reason}."


def _order(settings: MarketingSyncSettings, platform: str, pairing: str, given: argparse.Namespace) -> CycleOrder:
    from crm_patterns.core.ports import RunKey
    from crm_patterns.core.windows import WindowKind
    from crm_patterns.pairings import SALESFORCE, creating_sides, shipped_pairing
    from crm_patterns.steps.sync import CycleOrder

    systems = {"both": (), "to_platform": (platform,), "to_salesforce": (SALESFORCE,)}
    return CycleOrder(
        RunKey("command", "plan"),
        shipped_pairing(settings, pairing),
        WindowKind.FULL if given.full else WindowKind.INCREMENTAL,
        creating_sides(settings.pairing(pairing)),
        timedelta(seconds=settings.lag_s),
        timedelta(seconds=settings.overlap_s),
        record_ids=tuple(given.record),
        systems=systems[given.direction],
    )


@contextmanager
def _both_sides(settings: MarketingSyncSettings, platform: str) -> Iterator[Mapping[Side, Sink]]:
    from crm_patterns.core.changes import Side
    from crm_patterns.hooks.platforms import sink_of
    from crm_patterns.pairings import SALESFORCE, connections_of

    known = connections_of(settings, [platform])
    sinks: dict[Side, Sink] = {}
    try:
        for side, system in ((Side.LEFT, SALESFORCE), (Side.RIGHT, platform)):
            sinks[side] = sink_of(system, known[system])
        yield sinks
    finally:
        for sink in sinks.values():
            sink.close()
