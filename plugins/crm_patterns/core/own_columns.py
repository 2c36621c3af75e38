"""
The columns that we add to every current table `SALESFORCE.<OBJECT>`: said once, for everything that makes, widens,
fills or copies such a table. Columns are added at the end; tables of an older release get what they lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crm_patterns.core.contracts import FieldKind


class DeletedHow(StrEnum):
    """How a row was found to be deleted: the values of `_deleted_how`."""

    SOFT_DELETE = "soft delete"  # it is, or was when it was read, in the source's recycle bin
    MERGE = "merge"  # it lost a merge; `master_record_id` names the record that took it over
    HARD_DELETE = "hard delete"  # the source's log of deletions lists it, and it is not in the bin
    ID_COMPARISON = "id comparison"  # it is not among the source's ids any more; nobody knows since when


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """One column; `column` is in lower case, as a contract's columns are. Every one may be null in old rows."""

    column: str
    kind: FieldKind
    means: str


OWN_COLUMNS = (
    OwnColumn("_synced_at", FieldKind.TIMESTAMP, "the source's clock when this version of the row was first read"),
    OwnColumn("_run_id", FieldKind.TEXT, "the run that brought this version"),
    OwnColumn("_deleted", FieldKind.BOOLEAN, "deleted at the source; a row that comes back is false again"),
    OwnColumn(
        "_source_modified_at", FieldKind.TIMESTAMP, "the source's own stamp; for an object without one, `_synced_at`"
    ),
    OwnColumn("_deleted_at", FieldKind.TIMESTAMP, "when it was deleted at the source; null where that is not known"),
    OwnColumn("_deleted_how", FieldKind.TEXT, "soft delete, merge, hard delete or id comparison; null in a living row"),
    OwnColumn(
        "_deleted_learned_at", FieldKind.TIMESTAMP, "the source's clock when we learned of it; null in a living row"
    ),
)

HISTORY_COLUMNS = (
    OwnColumn("_valid_from", FieldKind.TIMESTAMP, "from when on this version was true, as far as known"),
    OwnColumn("_valid_to", FieldKind.TIMESTAMP, "until when, itself excluded; null in the newest version"),
    OwnColumn("_is_current", FieldKind.BOOLEAN, "the newest version of its record; one per record"),
)
"""What a history table `SALESFORCE_HISTORY.<OBJECT>` has besides: the half-open range of each version."""
