"""Before anything is planned: who must not be contacted, from every system, into the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.ports import Lifted, Restriction, RunKey, Sink, State
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.consent_ledger import Reading, told
from crm_patterns.patterns.warehouse_elt import decide_window

POSITION = "consent"
"""The source name of the watermarks: how far each object was read for restrictions."""


@dataclass(frozen=True, slots=True)
class CollectOrder:
    """`interval` is a backfill's data interval, half-open, UTC; such a run moves no watermark."""

    run: RunKey
    kind: WindowKind
    lag: timedelta
    overlap: timedelta
    interval: tuple[datetime, datetime] | None = None


def collect_consent(
    sink: Sink, state: State, reading: Reading, order: CollectOrder, *, clock: Callable[[], datetime]
) -> int:
    """Read what changed and note what it says; returns how many restrictions are new. Twice is once."""
    window = decide_window(
        order.kind,
        horizon=sink.now() - order.lag,
        watermark=state.watermark(POSITION, reading.position),
        overlap=order.overlap,
        interval=order.interval,
    )
    new = 0
    for page in sink.read_window(reading.object_name, reading.names, window):
        said = [each for record in page for each in told(reading, record)]
        restricting = [each for each in said if isinstance(each, Restriction)]
        lifted = [each for each in said if isinstance(each, Lifted)]
        if said:
            new += state.note_consent(order.run, restricting, lifted, at=clock())
    if window.kind.moves_watermark:
        state.advance_watermark(POSITION, reading.position, to=window.end, run=order.run)
    return new
