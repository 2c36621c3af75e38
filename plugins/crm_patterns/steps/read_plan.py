"""What to read of an object and by which interface, decided from what its source says now."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import Deletions, LookRequest, ReadRequest, RunKey, Source, State
from crm_patterns.core.schema_changes import SchemaPlan
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.quota import AS_USUAL, Means
from crm_patterns.patterns.warehouse_elt import FieldChoice, decide_window, likely_cursor, window_read
from crm_patterns.steps.deletions import deletions_since
from crm_patterns.steps.quota import choose
from crm_patterns.steps.schema import agree

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExtractOrder:
    """What to read, for which run, by which means. `interval` is a backfill's data interval, half-open, UTC."""

    run: RunKey
    object_name: str
    choice: FieldChoice
    read: str
    kind: WindowKind
    interval: tuple[datetime, datetime] | None
    lag: timedelta
    overlap: timedelta
    rest_below: int
    means: Means = AS_USUAL
    slice_rows: int = 0  # windows of more rows are read by several jobs; 0: never


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """
    What will be read and how. `source_count` is the source's COUNT() at `read_at` (source's clock).

    `schema` is what a window teaches about the object's fields; other reads leave it None. `deletions`: the source's
    log, where the look brought it.
    """

    request: ReadRequest
    contract: ObjectContract
    method: str
    method_reason: str
    source_count: int
    read_at: datetime
    schema: SchemaPlan | None = None
    deletions: Deletions | None = None


def plan(source: Source, state: State, order: ExtractOrder) -> ReadPlan:
    """Claim the run's window, describe and count it, choose the interface. Writes nothing but the claim."""
    read_at = source.now()
    claimed = state.claim_window(order.run, source.name, order.object_name, _window(source, state, order, read_at))
    cursor = likely_cursor(order.object_name, order.choice)
    since = deletions_since(state, source.name, order.object_name, order.kind)
    seen = source.look(LookRequest(order.object_name, cursor, claimed, deleted_since=since))
    deletions = seen.deletions if seen.description.logs_deletions else Deletions({}, read_at, complete=False)
    agreed = agree(source, state, order.object_name, seen.description, order.choice)
    contract = agreed.contract
    window = window_read(claimed, contract)
    request = ReadRequest(contract.object_name, tuple(field.name for field in contract.fields), contract.cursor, window)
    count = seen.count if contract.cursor == cursor else None
    if count is None:
        count = 0 if window.is_empty else source.count(request)
    method, reason = choose(order.read, rows=count, rest_below=order.rest_below, by=order.means)
    if window.is_empty:
        method, reason = "rest", "the window is empty"
    log.info("%s %s: %s rows at the source; reading by %s: %s.", order.object_name, window.label, count, method, reason)
    return ReadPlan(request, contract, method, reason, count, read_at, agreed.plan, deletions)


def _window(source: Source, state: State, order: ExtractOrder, read_at: datetime) -> Window:
    return decide_window(
        order.kind,
        horizon=read_at - order.lag,
        watermark=state.watermark(source.name, order.object_name),
        overlap=order.overlap,
        interval=order.interval,
    )
