"""
What a comparison of ids found, put right: tombstones of what is gone, rows of what is there.

It goes the way of every attempt: staged, loaded, audited, merged, proven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.deletions import NOT_ASKED, Tombstone
from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import Tally
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.ports import RunKey, Source, Stage, State, Warehouse
from crm_patterns.core.records import Page
from crm_patterns.core.references import CheckedRef, LoadedRef
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.reconcile import broken_links
from crm_patterns.steps.load import load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.reconcile import drop_table, evidence_of


@dataclass(frozen=True, slots=True)
class ComparisonPlaces:
    """Schemas of the warehouse; `history` None where the object has none, `maps` where the merge map is."""

    target: str
    attempts: str
    history: str | None
    maps: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`gone`: open here alone. `missing`: at the source, and not open here."""

    gone: Sequence[str]
    missing: Sequence[str]


@dataclass(frozen=True, slots=True)
class Mended:
    """What was published; `closed` of its deleted rows because their id is gone."""

    tally: Tally
    closed: int

    @property
    def returned(self) -> int:
        """Rows that came back, or went to the bin unnoticed."""
        return self.tally.updated + max(0, self.tally.deleted - self.closed)

    def __add__(self, other: Mended) -> Mended:
        return Mended(self.tally + other.tally, self.closed + other.closed)


def stage_repair(
    source: Source, stage: Stage, state: State, contract: ObjectContract, difference: Difference, *, attempt_id: str
) -> StageRef | None:
    """Tombstones of what is gone, rows of what is there; None where nothing differs but what the next window brings."""
    if not difference.gone and not difference.missing:
        return None
    name, read_at = contract.object_name, source.now()
    standing = source.standing_of(name, flag=contract.deleted_flag, keys=difference.gone) if difference.gone else {}
    absent = sorted(set(difference.gone) - standing.keys())
    again = sorted({*difference.missing, *(key for key, in_bin in standing.items() if in_bin)})
    watermark = state.watermark(source.name, name)
    address = StageAddress(source.name, name, Window(None, read_at, WindowKind.BACKFILL), attempt_id)
    received = 0
    with stage.open(address, contract) as writer:
        for page in _due(source.read_keys(contract, again) if again else iter(()), contract, watermark):
            received += page.read
            writer.write(page)
        if not received and not absent:
            return None
        buried = [Tombstone(key, None, DeletedHow.ID_COMPARISON) for key in absent]
        writer.write_tombstones(buried, NOT_ASKED)
        reason = "rows that a comparison of ids found missing are read by their ids"
        calls = source.usage().calls_made
        return writer.commit(ReadEvidence("rest", reason, received, received, None, read_at.isoformat(), calls))


def _due(pages: Iterator[Page], contract: ObjectContract, watermark: datetime | None) -> Iterator[Page]:
    """Without the rows whose stamp lies behind the watermark: the next window brings them, so they are not lost."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = contract.cursor_column
    for page in pages:
        rows = page.rows
        if column is not None and watermark is not None:
            stamps = rows.column(column)
            rows = rows.filter(pc.fill_null(pc.less(stamps, pa.scalar(watermark, stamps.type)), True))
        yield Page(rows, page.rejected)


def publish_repair(
    stage: Stage, warehouse: Warehouse, state: State, run: RunKey, repair: StageRef, *, places: ComparisonPlaces,
    audit: Callable[[LoadedRef], CheckedRef],
) -> Mended:  # fmt: skip
    """Publish what is staged, and prove it. StopRun where that fails."""
    manifest = stage.manifest(repair)
    loaded = load(stage, warehouse, state, run, repair, target_schema=places.target, attempt_schema=places.attempts)
    published = publish(
        stage, warehouse, state, run, audit(loaded), target_schema=places.target, attempt_schema=places.attempts,
        history_schema=places.history, map_schema=places.maps, is_part=True,
    )  # fmt: skip
    problems = broken_links(evidence_of(manifest, published))
    if problems:
        raise StopRun("; ".join(problems), fix="Clear this task to compare the ids again.")
    own = f"{manifest.contract.table}__{manifest.address.attempt_id}".upper()
    for _, table in state.attempt_tables(run=run):
        if table.name.startswith(own):
            drop_table(warehouse, state, table)
    return Mended(published.tally, manifest.tombstones)
