"""Locks on parents: a record locks the one that it belongs to, and fails where somebody holds that lock."""

from collections import Counter
from collections.abc import Sequence

from sandbox.salesforce.conditions import conditions_of
from sandbox.salesforce.drafts import SAME_TRANSACTION, Draft
from sandbox.salesforce.faults import ParentLock
from sandbox.salesforce.store import Org

HELD = "unable to obtain exclusive access to this record or 1 records: {parent}"


def refuse_locked(org: Org, object_name: str, drafts: Sequence[Draft], *, from_job: bool) -> None:
    """Leave UNABLE_TO_LOCK_ROW on every draft whose parent a fault says is held."""
    faults = conditions_of(org).faults
    if not faults.holds(ParentLock):
        return
    fields = {str(fault["field"]) for fault in faults.listed() if fault["kind"] == "parent_locked"}
    for start in range(0, len(drafts), SAME_TRANSACTION):
        chunk = [draft for draft in drafts[start : start + SAME_TRANSACTION] if not draft.errors]
        siblings = Counter((field, _parent(draft, field)) for draft in chunk for field in fields)
        for draft in chunk:
            _refuse(org, object_name, draft, siblings, from_job=from_job)


def _refuse(
    org: Org, object_name: str, draft: Draft, siblings: Counter[tuple[str, str | None]], *, from_job: bool
) -> None:
    def hits(fault: ParentLock) -> bool:
        parent = _parent(draft, fault.field)
        return fault.hits(object_name, parent, siblings=siblings[fault.field, parent], from_job=from_job)

    fault = conditions_of(org).faults.take(ParentLock, hits)
    if fault is not None:
        draft.refuse("UNABLE_TO_LOCK_ROW", HELD.format(parent=_parent(draft, fault.field)), fault.field)


def _parent(draft: Draft, field: str) -> str | None:
    value = draft.values.get(field) or (draft.before or {}).get(field)
    return str(value) if value else None
