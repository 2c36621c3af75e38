"""Read what is in doubt again and publish it the way of every attempt: load, validate, publish."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import KeyRange, Quality, ReadRequest, RunKey, Source, Stage, State, Warehouse
from crm_patterns.core.staging import ReadEvidence, StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.drift_audit import bucket_range
from crm_patterns.patterns.guards import GuardRules
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from crm_patterns.steps.drift_audit import Doubt, Repaired
from crm_patterns.steps.earlier_tries import published_before
from crm_patterns.steps.load import load
from crm_patterns.steps.publish import publish
from crm_patterns.steps.quota import choose
from crm_patterns.steps.read_plan import ExtractOrder, ReadPlan
from crm_patterns.steps.reading import read_now
from crm_patterns.steps.validate import validate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RepairOrder:
    """
    Where the rows go. `attempt_id` is another one than that of the audit's own read.

    `reading`: how a whole share is read, with a run of its own that its job is remembered by.
    """

    run: RunKey
    object_name: str
    choice: FieldChoice
    attempt_id: str
    target_schema: str
    attempt_schema: str
    history_schema: str | None
    max_rejected_share: float
    rules: GuardRules
    reading: ExtractOrder
    job_deadline_s: float


def repair(
    source: Source, stage: Stage, warehouse: Warehouse, quality: Quality, state: State, order: RepairOrder,
    doubt: Doubt,
) -> Repaired:  # fmt: skip
    """
    All records in doubt, the deleted ones that the source still shows included, as they are now; what an earlier try of
    the run has published counts too.

    ApprovalNeeded, and nothing is published, where abnormally many rows would be closed.
    """

    def publish_staged(ref: StageRef) -> Repaired:
        return _publish(stage, warehouse, quality, state, order, ref)

    before = published_before(state, order.run, order.object_name, lambda ref: publish_staged(ref).tally)
    contract = make_contract(source.name, source.describe(order.object_name), order.choice)
    done = publish_staged(_read_again(source, stage, state, contract, order, doubt))
    return replace(done, tally=before + done.tally)


def _publish(
    stage: Stage, warehouse: Warehouse, quality: Quality, state: State, order: RepairOrder, ref: StageRef
) -> Repaired:
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


def _read_again(
    source: Source, stage: Stage, state: State, contract: ObjectContract, order: RepairOrder, doubt: Doubt
) -> StageRef:
    if doubt.buckets:
        return _read_buckets(source, stage, contract, order, doubt.buckets)
    return _read_share(source, stage, state, contract, order, doubt.share)


def _read_share(
    source: Source, stage: Stage, state: State, contract: ObjectContract, order: RepairOrder, keys: KeyRange
) -> StageRef:
    """
    By the interface that its size and the quota call for. A job is waited for here: this is as rare as it is needed.

    RetryLater where it takes longer than its deadline; a killed task goes on with the job that it submitted.
    """
    return read_now(
        source, stage, state, order.reading, admit=lambda: order.reading.means, attempt_id=order.attempt_id,
        plan=lambda reading: _plan_share(source, contract, reading, keys), job_deadline_s=order.job_deadline_s,
    )  # fmt: skip


def _plan_share(source: Source, contract: ObjectContract, reading: ExtractOrder, keys: KeyRange) -> ReadPlan:
    read_at = source.now()
    names, window = tuple(field.name for field in contract.fields), Window(None, read_at, WindowKind.FULL)
    request = ReadRequest(contract.object_name, names, None, window, keys=keys)
    count = source.count(request)
    method, reason = choose(reading.read, rows=count, rest_below=reading.rest_below, by=reading.means)
    log.info("%s: reading all %s rows of the share again by %s: %s.", contract.object_name, count, method, reason)
    return ReadPlan(request, contract, method, reason, count, read_at)


def _read_buckets(
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
