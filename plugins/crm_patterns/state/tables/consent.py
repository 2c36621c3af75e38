"""Who must not be contacted."""

from __future__ import annotations

from sqlalchemy import Index, Table

from crm_patterns.state.tables.columns import key, metadata, text, time

consent = Table(
    "crm_consent",
    metadata,
    *(key(name) for name in ("email", "restriction", "system", "record_id", "field_name")),
    text("object_name"),
    text("dag_id"),
    text("run_id"),
    time("noted_at"),
    comment="Which record of which system restricts the contact with a mail address, and when that was first seen.",
)
Index("crm_consent_noted", consent.c.noted_at)
Index("crm_consent_record", consent.c.system, consent.c.record_id)
