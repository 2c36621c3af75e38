"""Read buckets of an object again and publish them the way of every attempt: load, validate, publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import Quality, ReadRequest, RunKey, Source, Stage, State, Warehouse
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.drift_audit import bucket_range
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from crm_patterns.steps.drift_audit import Repaired
from crm_patterns.steps.load import load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.validate import validate


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """Where the rows go. `attempt_id` is another one than that of the audit's own read."""

    run: RunKey
    object_name: str
    choice: FieldChoice
    attempt_id: str
    target_schema: str
    attempt_schema: str
    history_schema: str | None
    max_rejected_share: float
    rules: GuardRules


def repair(
    source: Source, stage: Stage, warehouse: Warehouse, quality: Quality, state: State, order: RepairOrder,
    buckets: Sequence[str],
) -> Repaired:  # fmt: skip
    """
    All records of the buckets, the deleted ones that the source still shows included, as they are now.

    ApprovalNeeded, and nothing is published, where abnormally many rows would be closed.
    """
    contract = make_contract(source.name, source.describe(order.object_name), order.choice)
    ref = _read(source, stage, contract, order, buckets)
    loaded = load(
        stage, warehouse, state, order.run, ref, target_schema=order.target_schema, attempt_schema=order.attempt_schema
    )
    checked = validate(
        stage, warehouse, quality, state, order.run, loaded, attempt_schema=order.attempt_schema,
        max_rejected_share=order.max_rejected_share,
    )  # fmt: skip
    published = publish(
        stage, warehouse, state, order.run, checked, target_schema=order.target_schema,
        attempt_schema=order.attempt_schema, history_schema=order.history_schema, is_part=True, rules=order.rules,
    )  # fmt: skip
    return Repaired(loaded.attempt_table, published.tally)


def _read(
    source: Source, stage: Stage, contract: ObjectContract, order: RepairOrder, buckets: Sequence[str]
) -> StageRef:
    read_at = source.now()
    window = Window(None, read_at, WindowKind.FULL)
    names, received = tuple(field.name for field in contract.fields), 0
    with stage.open(StageAddress(source.name, order.object_name, window, order.attempt_id), contract) as writer:
        for bucket in buckets:
            request = ReadRequest(order.object_name, names, None, window, keys=bucket_range(bucket))
            for page in source.read_rows(request, contract):
                received += page.read
                writer.write(page)
        return writer.commit(
            ReadEvidence(
                method="rest",
                method_reason=f"{len(buckets)} buckets whose checksums differ",
                source_count=received,
                server_rows=received,
                job_id=None,
                read_at=read_at.astimezone(UTC).isoformat(),
                calls=source.usage().calls_made,
            )
        )
