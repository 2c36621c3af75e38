"""What an object's fields are, agreed with what proven runs know of them."""

from __future__ import annotations

import logging

from crm_patterns.core.contracts import ObjectContract, ObjectDescription
from crm_patterns.core.ports import Source, State
from crm_patterns.patterns.schema_drift import Decision, decide, in_known_columns, vanished
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract

log = logging.getLogger(__name__)


def agree(
    source: Source, state: State, object_name: str, description: ObjectDescription, choice: FieldChoice
) -> Decision:
    """
    The contract of this run and the changes since the last proven one. Writes nothing.

    Only where a field that was read so far is not described any more is the source asked, by one call, whether it
    still has it.
    """
    known = state.known_schema(source.name, object_name)
    gone = vanished(known, description)
    existing = source.existing_fields(object_name) if gone else None
    decision = decide(source.name, description, choice, known=known, existing=existing)
    for change in decision.plan.changes:
        was = f", {change.before or 'nothing'} before and {change.after or 'nothing'} now"
        log.warning("%s: field %s %s%s.", object_name, change.field, change.kind.value.replace("_", " "), was)
    return decision


def present_contract(
    source: Source, state: State, object_name: str, description: ObjectDescription, choice: FieldChoice
) -> ObjectContract:
    """For whoever reads between windows: the fields that a window took up, under the columns that they have by now."""
    known = state.known_schema(source.name, object_name)
    names = frozenset(known.by_name) if known else frozenset()
    return in_known_columns(make_contract(source.name, description, choice, known=names), known)
