"""Settings of the marketing pattern: `include/config/marketing_sync.yaml`."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from crm_patterns.catalog.frozen import ApiName, Frozen, Identifier
from crm_patterns.catalog.shared import CommonSettings

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
TELLING = ("salesforce", "hubspot")
"""Systems whose webhooks the receiver understands."""

WhichSide = Literal["salesforce", "platform"]


class EndSettings(Frozen):
    """
    One side's object. `own_key`: a unique field there that holds the other side's id. `find_by`: the field by which a
    record is found that is not linked yet. `create_when`: a counterpart is made of records with one of these values in
    each of these fields, and of no others.
    """

    object: ApiName
    own_key: ApiName | None = None
    find_by: ApiName | None = None
    create_when: dict[ApiName, tuple[str, ...]] = Field(default_factory=dict)


class FieldSettings(Frozen):
    """
    A field of both sides. `translate` names a table of translations.yaml, or one of email, phone, domain, country,
    country_code, flag, number, currency, one_line; without it the value itself is compared.
    """

    salesforce: ApiName
    platform: ApiName
    translate: str | None = None
    flow: Literal["both", "to_platform", "to_salesforce"] = "both"
    policy: Literal["owner_wins", "newest_wins", "fill_blank", "most_restrictive", "furthest", "review"] = "owner_wins"
    owner: WhichSide | None = None  # who wins where the policy cannot tell; without it a person is asked
    tolerance_s: int = Field(default=120, ge=2)  # two changes that are no further apart are of the same time
    scale: int = Field(default=0, ge=0, le=18)  # decimals of a number

    @model_validator(mode="after")
    def _owner_wins_names_one(self) -> FieldSettings:
        if self.policy == "owner_wins" and self.owner is None and self.flow == "both":
            raise ValueError("the policy owner_wins needs an owner: salesforce or platform")
        return self


class ReasonSettings(Frozen):
    """
    A field of one side that restricts a person where it is not blank, and is only read: why an address bounced.
    `restricts` is the Salesforce field of a `most_restrictive` entry.
    """

    side: WhichSide = "platform"
    field: ApiName
    restricts: ApiName


class PairingSettings(Frozen):
    """Which two objects are kept in step. `creates`: on which sides a missing counterpart is made."""

    name: Name
    salesforce: EndSettings
    platform: EndSettings
    creates: tuple[WhichSide, ...] = ()
    fields: tuple[FieldSettings, ...]
    reasons: tuple[ReasonSettings, ...] = ()

    @model_validator(mode="after")
    def _reasons_restrict(self) -> PairingSettings:
        known = {field.salesforce for field in self.fields if field.policy == "most_restrictive"}
        for reason in self.reasons:
            if reason.restricts not in known:
                raise ValueError(f"{reason.field} restricts {reason.restricts}, which is no most_restrictive field")
        return self

    @model_validator(mode="after")
    def _can_be_matched(self) -> PairingSettings:
        for side, end in (("salesforce", self.salesforce), ("platform", self.platform)):
            named = {field.salesforce if side == "salesforce" else field.platform for field in self.fields}
            if end.find_by and end.find_by not in named:
                raise ValueError(f"{side}.find_by is {end.find_by}, which is not among the fields; add it to them")
        if not (self.salesforce.find_by and self.platform.find_by) and not self.platform.own_key:
            raise ValueError("nothing tells who belongs to whom; name find_by on both sides, or platform.own_key")
        names = [field.salesforce for field in self.fields]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is mapped twice; keep one entry per field")
        return self


class PlatformSettings(Frozen):
    """One marketing platform, reached through `conn_id`."""

    name: Literal["hubspot", "marketo", "pardot"]
    conn_id: str | None = None  # default: <name>_default
    pool: str | None = None  # default: crm_<name>
    pairings: Annotated[tuple[PairingSettings, ...], Field(min_length=1)]

    @property
    def connection(self) -> str:
        return self.conn_id or f"{self.name}_default"

    @property
    def task_pool(self) -> str:
        return self.pool or f"crm_{self.name}"


class GateSettings(Frozen):
    """A plan of more than this waits for a person; null never asks. See `patterns/write_gate.py`."""

    records: int | None = 1_000
    share: float | None = 0.1  # of the linked records, 0..1
    share_at_least: int = 50
    deletes: int | None = 0
    blanks: int | None = 50
    wait_s: int = Field(default=14_400, ge=60)  # how long a run waits for the answer; the next wait behind it

    @property
    def wait(self) -> timedelta:
        return timedelta(seconds=self.wait_s)


class SyncPools(Frozen):
    """Airflow pools that bound how many tasks use a system at once. They must exist in Airflow."""

    source: str = "crm_salesforce"
    warehouse: str = "crm_warehouse"


class MarketingSyncSettings(CommonSettings):
    """`include/config/marketing_sync.yaml`."""

    source_conn_id: str = "salesforce_default"
    warehouse_conn_id: str = "snowflake_default"
    data_docs_root: str  # folder for Great Expectations' Data Docs
    data_docs_url: str = "/crm/data-docs"  # where people open them
    attempt_schema: Identifier = "CRM_ATTEMPTS"
    keep_attempts_days: int = Field(default=7, ge=0)
    schedule: str = "*/10 * * * *"
    deadline_s: int = Field(default=1800, ge=60)
    events_every_s: float = Field(default=1.0, ge=0, le=60)  # how often the inbox is looked into; 0: never
    gate: GateSettings = GateSettings.model_construct()
    most_tries: int = Field(default=5, ge=1)  # so often a record may be answered with "later" before it is set aside
    verify_share: float = Field(default=1.0, gt=0, le=1)  # of the written records that are read back
    log_changes: int = Field(default=50, ge=0)  # so many changes of a plan are shown in the task's log
    home_country: str = ""  # ISO code: where phone numbers without a country code are from; empty: unknown
    pools: SyncPools = SyncPools.model_construct()
    platforms: Annotated[tuple[PlatformSettings, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_once(self) -> MarketingSyncSettings:
        names = [pairing.name for platform in self.platforms for pairing in platform.pairings]
        names += [platform.name for platform in self.platforms]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is named twice; names of platforms and pairings are unique")
        return self

    @property
    def system(self) -> str:
        return "salesforce"

    @property
    def tells(self) -> tuple[str, ...]:
        """Systems that tell of changes by themselves; see docs/webhooks.md."""
        systems = (self.system, *(platform.name for platform in self.platforms))
        return tuple(name for name in systems if name in TELLING) if self.events_every_s else ()

    def platform(self, name: str) -> PlatformSettings:
        return next(platform for platform in self.platforms if platform.name == name)

    def pairing(self, name: str) -> PairingSettings:
        return next(p for platform in self.platforms for p in platform.pairings if p.name == name)
