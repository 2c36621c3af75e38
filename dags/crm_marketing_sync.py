"""
### Salesforce ↔ HubSpot, Marketo, Pardot

Every run, for each platform and each pairing of objects: `plan` (both sides as they are now, against what they last
agreed on) → `validate` (the records and the plan keep their rules) → `gate` (a large plan waits for a person) → `apply`
(only fields that differ, each record with its own outcome) → `verify` (read back).

**If you were woken at night**

1. `close_run` is red and names each pairing with its reason and what to do; so does the Slack message.
2. A red `plan`: a system cannot be reached, or the settings do not fit it. `validate`: a rule about all of the rows is
   broken; its Data Docs button shows which. Nothing was written. `gate`: somebody rejected the plan, or nobody
   answered. `apply`: the log names the system; what was sent is on record. `verify`: an accepted record is not there.
3. Clear the red task. Clearing anything, any number of times, is safe: what may have been written is looked for first.

Records that a system does not take wait in the quarantine with the reason, and are tried again when they or the mapping
change. A manual run can be limited to platforms, one direction or single records, and `dry_run` stops after the plan.
A webhook starts a run for just its records, within seconds (docs/webhooks.md); such a run has no data interval.
A backfill (*Trigger → Backfill*) looks at what changed in its days, plans against the present and moves no watermark.
"""

from __future__ import annotations

from airflow.sdk import Param, TaskGroup, dag

from crm_patterns.catalog import include_dir, load_marketing_sync
from crm_patterns.dag_arguments import dag_arguments, dry_run_param
from crm_patterns.operators.apply_sync import ApplySyncOperator
from crm_patterns.operators.claim_events import ChoosePlatformsOperator
from crm_patterns.operators.close_sync import CHOOSE, CloseSyncOperator
from crm_patterns.operators.collect_consent import CollectConsentOperator
from crm_patterns.operators.gate_sync import GateSyncOperator
from crm_patterns.operators.plan_sync import PlanSyncOperator
from crm_patterns.operators.validate_sync import ValidateSyncOperator
from crm_patterns.operators.verify_sync import VerifySyncOperator
from crm_patterns.triggers.inbox import awaited_events

SETTINGS = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")
NAMES = [platform.name for platform in SETTINGS.platforms]

FORM = {
    "platforms": Param([], type=["array", "null"], items={"type": "string", "enum": NAMES}, examples=NAMES,
                       title="Platforms", description="Only these; empty: all."),
    "direction": Param("both", enum=["both", "to_platform", "to_salesforce"], title="Direction",
                       description="Write to one side only; what would go to the other waits for a later run."),
    "records": Param([], type=["array", "null"], items={"type": "string"}, title="Records",
                     description="Ids, of either system, of the only records to look at; empty: whatever changed."),
    "mode": Param("incremental", enum=["incremental", "full"], title="Mode",
                  description="full compares everything again."),
    "dry_run": dry_run_param("what would be written"),
    "replay": Param(False, type="boolean", title="Replay", description="Send once more what was rejected before."),
    "approve_above": Param(None, type=["integer", "null"], minimum=0, title="Approve above",
                           description="A person is asked above so many records; empty: as the settings say."),
}  # fmt: skip

SCHEDULE = dag_arguments(
    SETTINGS, schedule=SETTINGS.schedule, deadline=SETTINGS.deadline, tags=["salesforce", "marketing"],
    events=[awaited_events(system, every_s=SETTINGS.events_every_s) for system in SETTINGS.tells],
)  # fmt: skip


@dag(**SCHEDULE, doc_md=__doc__)
def crm_marketing_sync() -> None:
    chosen = ChoosePlatformsOperator(task_id=CHOOSE, settings=SETTINGS, pool=SETTINGS.pools.source)
    consent = CollectConsentOperator(task_id="collect_consent", settings=SETTINGS, pool=SETTINGS.pools.source)
    close = CloseSyncOperator(
        task_id="close_run", settings=SETTINGS, pool=SETTINGS.pools.warehouse, trigger_rule="all_done"
    )
    for platform in SETTINGS.platforms:
        with TaskGroup(platform.name) as group:
            before = None
            for pairing in platform.pairings:
                shared = {"settings": SETTINGS, "platform": platform.name, "pairing": pairing.name}
                shared["pool"] = platform.task_pool
                with TaskGroup(pairing.name):
                    planned = PlanSyncOperator(task_id="plan", **shared)
                    checked = ValidateSyncOperator(task_id="validate", planned=planned.output, **shared)
                    passed = GateSyncOperator(task_id="gate", planned=checked.output, **shared)
                    applied = ApplySyncOperator(task_id="apply", passed=passed.output, **shared)
                    verified = VerifySyncOperator(task_id="verify", applied=applied.output, **shared)
                if before is not None:
                    before >> planned
                before = verified
        [chosen, consent] >> group >> close


# Given after the tasks: Airflow copies the form that a DAG has by then into each of its tasks, at each reading.
crm_marketing_sync().params = FORM
