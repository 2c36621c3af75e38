"""The records that a plan compared, on the stage beside it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.changes import Side
from crm_patterns.core.ports import Stage
from crm_patterns.core.records import Page
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.patterns.sync_audit import record_contract, record_rows

_ROWS_AT_ONCE = 10_000


def stage_records(
    stage: Stage, address: StageAddress, pairing: Pairing, side: Side, records: Iterable[TargetRecord], *, read_at: str
) -> StageRef:
    """One side's records as they were read; `read_at` is that moment (ISO 8601, UTC)."""
    import pyarrow as pa

    contract = record_contract(pairing, side)
    schema, rows, count = arrow_schema(contract), record_rows(pairing, side, records), 0
    with stage.open(address, contract) as writer:
        while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            count += len(some)
            writer.write(Page(pa.RecordBatch.from_pylist(some, schema=schema)))
        return writer.commit(ReadEvidence("sync", "", count, count, None, read_at, 0))
