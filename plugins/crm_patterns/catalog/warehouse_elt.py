"""Settings of the warehouse pattern: `include/config/warehouse_elt.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from crm_patterns.catalog.caution import GuardSettings, QuotaSettings
from crm_patterns.catalog.daily import AuditSettings, UpkeepSettings
from crm_patterns.catalog.frozen import ApiName, Frozen, Identifier
from crm_patterns.catalog.objects import ObjectSettings
from crm_patterns.catalog.shared import CommonSettings
from crm_patterns.core.policies import open_histories


class PoolSettings(Frozen):
    """Airflow pools that bound how many tasks use a system at once. They must exist in Airflow."""

    source: str = "crm_salesforce"
    warehouse: str = "crm_warehouse"


class MartSettings(Frozen):
    """The marts: `include/sql/warehouse_elt/marts`."""

    target_schema: Identifier = "MARTS"  # the daily snapshot of open opportunities is there too
    exclude: tuple[str, ...] = ()  # marts that are not wanted, by name
    reporting_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    currency_rates: str = "config/currency_rates.yaml"  # under include/; used where the org has no dated rates


class WarehouseEltSettings(CommonSettings):
    """`include/config/warehouse_elt.yaml`."""

    source: Identifier | ApiName = "salesforce"
    source_conn_id: str = "salesforce_default"
    warehouse_conn_id: str = "snowflake_default"
    data_docs_root: str  # folder for Great Expectations' Data Docs
    data_docs_url: str = "/crm/data-docs"  # where people open them
    target_schema: Identifier = "SALESFORCE"
    attempt_schema: Identifier = "CRM_ATTEMPTS"
    history_schema: Identifier = "SALESFORCE_HISTORY"
    schedule: str = "@hourly"
    rest_below_rows: int = Field(default=2000, ge=0)  # one REST page; a bulk job costs more calls than it saves
    slice_rows: int = Field(default=10_000_000, ge=1)  # windows of more rows are read by several bulk jobs
    poll_grace_s: float = Field(default=5.0, ge=0)  # a job that is ready this soon is not worth a deferral
    job_deadline_s: int = Field(default=7200, ge=1)  # then a stuck job is aborted and deleted
    page_rows: int = Field(default=50_000, ge=1, le=1_000_000)
    pages_ahead: int = Field(default=2, ge=1, le=8)
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)  # above it an object stops before anyone sees it
    keep_attempts_days: int = Field(default=7, ge=0)
    keep_stage_days: int = Field(default=30, ge=1)  # then staged files go; what an unfinished run needs stays
    keep_data_docs_days: int = Field(default=90, ge=1)
    deadline_s: int = Field(default=2700, ge=60)  # a run later than this is announced
    pools: PoolSettings = PoolSettings.model_construct()
    quota: QuotaSettings = QuotaSettings.model_construct()
    guards: GuardSettings = GuardSettings.model_construct()
    upkeep: UpkeepSettings = UpkeepSettings.model_construct()
    marts: MartSettings = MartSettings.model_construct()
    audit: AuditSettings = AuditSettings.model_construct()
    objects: tuple[ObjectSettings, ...]

    @field_validator("objects")
    @classmethod
    def _objects_once(cls, value: tuple[ObjectSettings, ...]) -> tuple[ObjectSettings, ...]:
        if not value:
            raise ValueError("no object is listed; add at least one, for example `- name: Account`")
        names = [item.name.lower() for item in value]
        twice = sorted({item.name for item in value if names.count(item.name.lower()) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed twice; keep one entry per object")
        by_name = {item.name: item for item in value}
        protected = {item.name: (*item.hashed, *item.blocked) for item in value}
        open_ones = list(open_histories(protected, lambda name, field: by_name[name].is_clear(field)))
        if open_ones:
            raise ValueError("; ".join(open_ones))
        return value

    @property
    def system(self) -> str:
        return self.source

    def object(self, name: str) -> ObjectSettings:
        return next(item for item in self.objects if item.name == name)

    def history_schema_of(self, name: str) -> str | None:
        """Where the object's history is kept; None where it has none."""
        return self.history_schema if self.object(name).history else None

    def rejected_share_of(self, name: str) -> float:
        own = self.object(name).max_rejected_share
        return self.max_rejected_share if own is None else own
