"""
Settings: include/config/<pattern>.yaml → frozen, typed values.

Every mistake is reported at once, with file, line and key. `${NAME}` and `${NAME:-default}` in a value are taken from
the environment, so that a laptop, a test and production can share one file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from crm_patterns.caution import GuardSettings, QuotaSettings
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.policies import Policy, open_histories

ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where there is one: this file is read whenever a DAG file is."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ObjectSettings(Frozen):
    """One object to move. Only the name is needed; the rest is described by the source itself."""

    name: ApiName
    include: tuple[ApiName, ...] = ()  # empty: every field that can be read
    exclude: tuple[ApiName, ...] = ()
    hash: tuple[ApiName, ...] = ()  # short for `columns: {X: hash}`
    columns: dict[ApiName, Policy] = Field(default_factory=dict)  # what may be known of a column; others are plain
    cursor: ApiName | None = None  # default: SystemModstamp, else LastModifiedDate, else CreatedDate
    read: Literal["auto", "bulk", "rest"] = "auto"
    every: Literal["hourly", "daily"] = "hourly"  # daily: the first scheduled run of each UTC day reads it
    max_rejected_share: float | None = Field(default=None, ge=0, le=1)  # default: the pattern's
    refresh: tuple[ApiName, ...] = ()  # fields that change without a new stamp and are not described as computed
    refresh_every: Literal["daily", "never"] = "daily"
    compare_ids: Literal["daily", "weekly", "never"] = "daily"  # finds deletions that the source's log does not tell
    history: bool = False  # every version is kept in history_schema too

    @model_validator(mode="after")
    def _no_field_twice(self) -> ObjectSettings:
        named = {"include": self.include, "exclude": self.exclude, "hash": self.hash}
        named |= {f"columns as {policy}": self._under(policy) for policy in Policy}
        allowed = {("include", "hash"), ("include", "columns as plain"), ("include", "columns as hash")}
        for one, other in combinations(named, 2):
            both = {n.lower() for n in named[one]} & {n.lower() for n in named[other]}
            if both and (one, other) not in allowed:
                raise ValueError(f"{', '.join(sorted(both))} is under both {one} and {other}; keep it in one of them")
        return self

    def _under(self, policy: Policy) -> tuple[str, ...]:
        return tuple(name for name, given in self.columns.items() if given is policy)

    @property
    def hashed(self) -> tuple[str, ...]:
        return (*self.hash, *self._under(Policy.HASH))

    @property
    def blocked(self) -> tuple[str, ...]:
        return self._under(Policy.BLOCK)

    def is_clear(self, field: str) -> bool:
        """Whether the field moves as it is, if the object has it."""
        hidden = {name.lower() for name in (*self.hashed, *self.blocked, *self.exclude)}
        chosen = {name.lower() for name in self.include}
        return field.lower() not in hidden and (not chosen or field.lower() in chosen)


class PoolSettings(Frozen):
    """Airflow pools that bound how many tasks use a system at once. They must exist in Airflow."""

    source: str = "crm_salesforce"
    warehouse: str = "crm_warehouse"


class RetrySettings(Frozen):
    """How Airflow retries a task: exponentially from `delay_s` up to `max_delay_s` seconds."""

    attempts: int = Field(default=3, ge=0, le=20)
    delay_s: int = Field(default=30, ge=1)
    max_delay_s: int = Field(default=900, ge=1)


class UpkeepSettings(Frozen):
    """The daily DAG crm_warehouse_upkeep. A run later than `deadline_s` seconds after it was queued is announced."""

    schedule: str = "0 3 * * *"
    deadline_s: int = Field(default=14_400, ge=60)
    compare_max_share: float = Field(default=0.05, ge=0, le=1)  # of open rows that a comparison of ids may close

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)


class MartSettings(Frozen):
    """The marts: `include/sql/warehouse_elt/marts`."""

    target_schema: Identifier = "MARTS"  # the daily snapshot of open opportunities is there too
    exclude: tuple[str, ...] = ()  # marts that are not wanted, by name
    reporting_currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"
    currency_rates: str = "config/currency_rates.yaml"  # under include/; used where the org has no dated rates


class AuditSettings(Frozen):
    """
    The daily DAG crm_drift_audit, which passes over all of an object in `days` runs.

    Records whose ids begin with the same `bucket_digits` characters are one bucket: 13 of 15 leave at most 3,844 ids.
    """

    schedule: str = "0 5 * * *"
    deadline_s: int = Field(default=14_400, ge=60)
    days: int = Field(default=7, ge=1, le=366)
    bucket_digits: int = Field(default=13, ge=3, le=15)
    max_buckets: int = Field(default=100, ge=1)  # more bad ones than this: the whole share is read again instead
    max_findings: int = Field(default=1000, ge=1, le=100_000)  # named per object and run

    @property
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)


class WarehouseEltSettings(Frozen):
    """`include/config/warehouse_elt.yaml`."""

    source: Identifier | ApiName = "salesforce"
    source_conn_id: str = "salesforce_default"
    warehouse_conn_id: str = "snowflake_default"
    stage_conn_id: str = "crm_stage"
    state_conn_id: str = "crm_state"
    slack_conn_id: str = "slack_default"
    keys_conn_id: str = "crm_keys"  # read only where a column is hashed or the stage is encrypted
    stage_root: str
    data_docs_root: str  # folder for Great Expectations' Data Docs
    data_docs_url: str = "/crm/data-docs"  # where people open them
    target_schema: Identifier = "SALESFORCE"
    attempt_schema: Identifier = "CRM_ATTEMPTS"
    history_schema: Identifier = "SALESFORCE_HISTORY"
    schedule: str = "@hourly"
    start_date: datetime
    lag_s: int = Field(default=120, ge=0)  # a row younger than this may still be uncommitted at the source
    overlap_s: int = Field(default=900, ge=0)  # how far each window reads back into the one before
    rest_below_rows: int = Field(default=2000, ge=0)  # one REST page; a bulk job costs more calls than it saves
    slice_rows: int = Field(default=10_000_000, ge=1)  # windows of more rows are read by several bulk jobs
    poll_grace_s: float = Field(default=5.0, ge=0)  # a job that is ready this soon is not worth a deferral
    job_deadline_s: int = Field(default=7200, ge=1)  # then a stuck job is aborted and deleted
    page_rows: int = Field(default=50_000, ge=1, le=1_000_000)
    pages_ahead: int = Field(default=2, ge=1, le=8)
    max_rejected_share: float = Field(default=0.05, ge=0, le=1)  # above it an object stops before anyone sees it
    keep_attempts_days: int = Field(default=7, ge=0)
    encrypt_stage: bool = False  # Parquet is encrypted by us, with the stage_secret of `keys_conn_id`
    keep_stage_days: int = Field(default=30, ge=1)  # then staged files go; what an unfinished run needs stays
    keep_data_docs_days: int = Field(default=90, ge=1)
    deadline_s: int = Field(default=2700, ge=60)  # a run later than this is announced
    pools: PoolSettings = PoolSettings()
    retry: RetrySettings = RetrySettings()
    quota: QuotaSettings = QuotaSettings()
    guards: GuardSettings = GuardSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    marts: MartSettings = MartSettings()
    audit: AuditSettings = AuditSettings()
    objects: tuple[ObjectSettings, ...]

    @field_validator("stage_root")
    @classmethod
    def _stage_root_is_a_uri(cls, value: str) -> str:
        if not re.match(r"^(file|s3|gs|abfs|abfss|wasb|wasbs)://", value):
            raise ValueError(
                f"{value!r} is not a URI of object storage; write for example s3://bucket/crm or file:///data"
            )
        return value.rstrip("/")

    @field_validator("start_date")
    @classmethod
    def _start_date_has_a_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError("carries no time zone; write for example 2026-01-01T00:00:00Z")
        return value

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
    def deadline(self) -> timedelta:
        return timedelta(seconds=self.deadline_s)

    def object(self, name: str) -> ObjectSettings:
        return next(item for item in self.objects if item.name == name)

    def history_schema_of(self, name: str) -> str | None:
        """Where the object's history is kept; None where it has none."""
        return self.history_schema if self.object(name).history else None

    def rejected_share_of(self, name: str) -> float:
        own = self.object(name).max_rejected_share
        return self.max_rejected_share if own is None else own


def include_dir(environ: Mapping[str, str] | None = None) -> Path:
    """The project's include/ folder: beside plugins/, or where CRM_PATTERNS_INCLUDE says."""
    named = (os.environ if environ is None else environ).get("CRM_PATTERNS_INCLUDE")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "include"


def load_warehouse_elt(path: Path, environ: Mapping[str, str] | None = None) -> WarehouseEltSettings:
    """Read the settings file. Raises FixSettings with every mistake in it."""
    return _load(path, WarehouseEltSettings, os.environ if environ is None else environ)


def _load(path: Path, model: type[WarehouseEltSettings], environ: Mapping[str, str]) -> WarehouseEltSettings:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FixSettings(f"The settings file {path} cannot be read: {error.strerror}.", fix="Create it.") from error
    try:
        data = yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        raise FixSettings(f"{path.name} is not valid YAML: {_one_line(error)}.", fix="Correct that line.") from error
    if not isinstance(data, dict):
        raise FixSettings(
            f"{path.name} is empty or not a mapping of keys to values.", fix="Start from the shipped file."
        )
    missing: list[str] = []
    expanded = _expand(data, environ, missing, ())
    try:
        settings = model.model_validate(expanded)
    except ValidationError as error:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        problems = missing + [_problem(item, node, model) for item in error.errors()]
        raise _mistakes(path, problems) from error
    if missing:
        raise _mistakes(path, missing)
    return settings


def _mistakes(path: Path, problems: list[str]) -> FixSettings:
    listed = "\n".join(f"  {path.name}: {problem}" for problem in problems)
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    return FixSettings(f"{count} in {path}:\n{listed}\n", fix="Correct the settings file.")


def _problem(item: Any, node: yaml.Node | None, model: type[BaseModel]) -> str:
    location = tuple(item["loc"])
    key = ".".join(str(part) for part in location)
    line = _line_of(node, location)
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        import difflib

        near = difflib.get_close_matches(str(location[-1]), _known_keys(model, location), n=1)
        message = "no such setting" + (f"; did you mean {near[0]}?" if near else "")
    elif item["type"] == "missing":
        message = "this setting is missing"
    else:
        message += f" (found {item['input']!r})" if isinstance(item["input"], str | int | float) else ""
    return f"line {line}, {key}: {message}"


def _known_keys(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    inner: dict[str, type[BaseModel]] = {
        "objects": ObjectSettings, "pools": PoolSettings, "retry": RetrySettings, "quota": QuotaSettings,
        "guards": GuardSettings, "upkeep": UpkeepSettings, "marts": MartSettings, "audit": AuditSettings,
    }  # fmt: skip
    owner = inner.get(str(location[0]), model) if len(location) > 1 else model
    return list(owner.model_fields)


def _line_of(node: yaml.Node | None, location: tuple[Any, ...]) -> int:
    line: int = node.start_mark.line + 1 if node else 1
    for part in location:
        found = next(_children(node, part), None)
        if found is None:
            break
        line, node = found.start_mark.line + 1, found
    return line


def _children(node: yaml.Node | None, part: Any) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        yield from (value for key, value in node.value if key.value == str(part))
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        yield node.value[part]


def _expand(value: Any, environ: Mapping[str, str], missing: list[str], at: tuple[Any, ...]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(inner, environ, missing, (*at, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, environ, missing, (*at, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if name not in environ and default is None:
            missing.append(f"{'.'.join(map(str, at))}: the environment variable {name} is not set")
        return environ.get(name, default or "")

    return re.sub(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}", replace, value)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
