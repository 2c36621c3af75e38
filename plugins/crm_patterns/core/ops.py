"""
The published datasets of schema OPS: what an analyst may build on. Columns are added at the end, never renamed.

`docs/ops-tables.md` says the same in prose; a test holds the two together. The state fills these columns
(`State.ops_rows`), the warehouse makes its tables from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from crm_patterns.core.contracts import FieldKind


@dataclass(frozen=True, slots=True)
class OpsColumn:
    """One column. The key columns together identify a row: publishing a run again replaces its rows by key."""

    name: str
    kind: FieldKind
    means: str
    is_key: bool = False


def _text(name: str, means: str, *, is_key: bool = False) -> OpsColumn:
    return OpsColumn(name, FieldKind.TEXT, means, is_key)


def _count(name: str, means: str) -> OpsColumn:
    return OpsColumn(name, FieldKind.INTEGER, means)


def _time(name: str, means: str) -> OpsColumn:
    return OpsColumn(name, FieldKind.TIMESTAMP, means)


_RUN_KEY = (
    _text("dag_id", "the DAG", is_key=True),
    _text("run_id", "Airflow's name of the run", is_key=True),
)
_TALLY = (
    _count("records_read", "records that came out of the source, deletions learned beside them included"),
    _count("records_created", "records new to the destination"),
    _count("records_updated", "records changed in the destination"),
    _count("records_deleted", "records marked as deleted in the destination"),
    _count("records_unchanged", "records the destination already held"),
    _count("records_rejected", "records set aside with a reason; see OPS.QUARANTINE"),
    _count("records_deferred", "records left for a later run (budget, lock, rate)"),
)

RUNS = (
    *_RUN_KEY,
    _text("source", "the system that was read"),
    _text("run_type", "scheduled, manual, backfill or asset_triggered"),
    _text(
        "state",
        "success, partial (something was set aside or deferred), deferred (all of it), failed, running or skipped",
    ),
    _time("started_at", "when the run's first task began"),
    _time("finished_at", "when its last task ended; null while it runs"),
    _count("objects", "objects with an outcome"),
    _count("objects_success", "of these, in state success"),
    _count("objects_partial", "of these, in state partial"),
    _count("objects_failed", "of these, in state failed"),
    _count("objects_skipped", "of these, in state skipped"),
    *_TALLY,
    _count("calls", "calls made to the source, all tries of all tasks"),
    _text("problem", "the first failed object and its problem in one sentence; empty when nothing failed"),
    _count("objects_deferred", "objects in state deferred: left for a later run for want of quota"),
)

OUTCOMES = (
    *_RUN_KEY,
    _text("object_name", "the object, as its source names it", is_key=True),
    _text("source", "the system that was read"),
    _text("state", "success, partial, deferred (for want of quota), failed, running or skipped"),
    _text("window_kind", "incremental, full or backfill; null where no window was claimed"),
    _time("window_start", "first moment of the window; null is the beginning of time"),
    _time("window_end", "first moment after the window"),
    *_TALLY,
    _count("source_count", "the source's own COUNT() for the window"),
    _count("server_rows", "rows that the source said it sent"),
    _count("staged_rows", "rows in the staged Parquet files"),
    _count("published_rows", "rows that were merged into the table people query"),
    _text("method", "how the source was read: bulk or rest"),
    _text("method_reason", "why it was read that way"),
    _text("failed_step", "the step that failed; empty otherwise"),
    _text("problem", "what is wrong, in one sentence; empty otherwise"),
    _text("fix", "what to do about it, in one sentence; empty where nothing is known"),
    _count("calls", "calls made to the source for this object"),
    _time("started_at", "when work on the object began"),
    _time("finished_at", "when it ended; null while it runs"),
)

QUARANTINE = (
    *_RUN_KEY,
    _text("source", "the system the record came from", is_key=True),
    _text("object_name", "the object, as its source names it", is_key=True),
    _text("record_key", "the record's id at its source", is_key=True),
    _text("rule", "the rule that the record broke", is_key=True),
    _text("field_name", "the field that broke it; empty where the rule is about the whole record", is_key=True),
    _text("rejection", "which check set it aside: contract, expectation or destination"),
    _text("reason", "why, in a sentence a person can act on"),
    _text("payload", "what the record held, as a JSON object of texts; hashed fields and secrets left out"),
    _text("stage_uri", "the stage that holds the record"),
    _count("tries", "how many runs have set this record aside for this rule so far"),
    _time("quarantined_at", "when it was set aside"),
    _time("released_at", "when a later run accepted the record; null while it is open"),
    _text("released_by_run_id", "the run that accepted it; null while it is open"),
)

CALLS = (
    *_RUN_KEY,
    _text("source", "the system that was called", is_key=True),
    _text("object_name", "the object the calls were made for; empty for the run as a whole", is_key=True),
    _text("step", "the step that made them", is_key=True),
    _count("calls_made", "calls of all tries of the step together"),
    _count("used", "calls used in the source's own rolling window, as last reported; null where it does not tell"),
    _count("allowed", "calls allowed in that window; null where the source does not tell"),
    _time("reported_at", "when the step last reported"),
)

STEPS = (
    *_RUN_KEY,
    _text(
        "object_name",
        "the object, as its source names it; the step's own name where it is about no object",
        is_key=True,
    ),
    _text("step", "the step: the task's name in its group", is_key=True),
    _text("state", "success, partial (something was set aside or has to be looked at), failed or skipped"),
    _text("note", "what it did, in a sentence"),
    *_TALLY,
    _text("problem", "what is wrong, in one sentence; empty otherwise"),
    _text("fix", "what to do about it, in one sentence; empty where nothing is known"),
    _count("calls", "calls made to the source by the try that succeeded"),
    _time("finished_at", "when it ended"),
)

SCHEMA_CHANGES = (
    *_RUN_KEY,
    _text("source", "the system whose schema changed", is_key=True),
    _text("object_name", "the object, as its source names it", is_key=True),
    _text("change_id", "the same for every run that meets this change; it is recorded once", is_key=True),
    _text("kind", "what happened: see docs/schema-drift.md"),
    _text("severity", "high (somebody should look), medium (handled, worth knowing) or low (for the record)"),
    _text("field_name", "the field, as its source names it"),
    _text("column_name", "the column it has after the change"),
    _text("before_value", "type, name, label or lost values before; empty where there was nothing"),
    _text("after_value", "type, name, label or gained values after; what became of a field that is gone"),
    _text("action", "what was done about it"),
    _text("sentence", "all of it in plain words"),
    _time("found_at", "when the run that met it was proven"),
)

MART_BUILDS = (
    *_RUN_KEY,
    _text("mart", "the mart: the table of this name in the schema of the marts", is_key=True),
    _text("state", "built, unchanged (it would have come out the same), skipped (an input is missing) or failed"),
    _text("reason", "why, in one sentence"),
    _count("row_count", "rows of the mart; null where it was not built"),
    _text("versions", "what it was made from, as JSON: rows and time of the last change of each input"),
    _text("docs_url", "the page of its audit; empty where it was not built"),
    _time("started_at", "when work on it began"),
    _time("finished_at", "when it ended"),
)

DRIFT_FINDINGS = (
    *_RUN_KEY,
    _text("object_name", "the object, as its source names it", is_key=True),
    _text("record_key", "the record's id at its source; empty where the finding is a count", is_key=True),
    _text("column_name", "the column; empty where the whole record or a count is meant", is_key=True),
    _text("kind", "different, missing (in the warehouse), gone (at the source) or count"),
    _text("bucket", "the bucket whose checksum gave it away: the first characters of the id"),
    _text("warehouse_value", "what the warehouse held, as text; (hidden) for a hashed column"),
    _text("source_value", "what the source held, as text; (hidden) for a hashed column"),
    _text("settlement", "repaired, remains, or open where nothing was tried (dry run, or the run was killed)"),
    _time("found_at", "when it was found"),
    _time("settled_at", "when source and warehouse were compared again"),
)

SILENT_CHANGES = (
    *_RUN_KEY,
    _text("object_name", "the object, as its source names it", is_key=True),
    _text("column_name", "the column whose value changed although the record's stamp did not", is_key=True),
    _text("field_name", "its field: add it to the object's `refresh` in warehouse_elt.yaml"),
    _count("changed_rows", "in how many records this run saw it"),
    _time("found_at", "when it was seen"),
)

WRITES = (
    *_RUN_KEY,
    _text("change_id", "the same for the same content of a change, in any run", is_key=True),
    _text("system", "the system that was written to"),
    _text("object_name", "the object there, as that system names it"),
    _text("record_key", "the record's id there; of a create, the id of the record that it was created for"),
    _text("record_id", "the id of the record that was written; empty where none was"),
    _text("action", "create, update or delete"),
    _text("fate", "created, updated, deleted, unchanged (it held that already), rejected, deferred; empty: not known"),
    _text("reason", "why, in the words of the system that was written to; empty where it took the change"),
    _text("rule", "the code of a refusal; empty otherwise"),
    _text("field_name", "the field that was refused; empty where it is about the whole record"),
    _count("tries", "how often the change was deferred, over all runs"),
    _time("written_at", "when it was noted, right before it was sent"),
    _time("settled_at", "when its fate was known; null while it is not"),
)

REVIEWS = (
    *_RUN_KEY,
    _text("review_id", "the question; it is another one when a value changes", is_key=True),
    _text("pairing", "the pairing of objects, as the settings name it"),
    _text("field_name", "the field that no rule decides"),
    _text("left_id", "the record of Salesforce; empty where the pair is linked no more"),
    _text("right_id", "the record of the platform; empty where the pair is linked no more"),
    _text("reason", "why no rule decides"),
    _text("state", "open, decided (a person chose, the next run applies it) or closed"),
    _text("choice", "left (Salesforce) or right (the platform); empty: nobody chose"),
    _text("chosen_by", "who chose; empty: nobody"),
    _time("asked_at", "when it was asked first"),
    _time("chosen_at", "when somebody chose; null: nobody did"),
    _time("closed_at", "when a run applied the choice, or found no question any more; null while it is open"),
)

OPS_DATASETS: Mapping[str, tuple[OpsColumn, ...]] = MappingProxyType(
    {
        "runs": RUNS,
        "outcomes": OUTCOMES,
        "quarantine": QUARANTINE,
        "calls": CALLS,
        "steps": STEPS,
        "schema_changes": SCHEMA_CHANGES,
        "mart_builds": MART_BUILDS,
        "drift_findings": DRIFT_FINDINGS,
        "silent_changes": SILENT_CHANGES,
        "writes": WRITES,
        "reviews": REVIEWS,
    }
)
