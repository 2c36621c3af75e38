"""
Which columns of which dataset a task made from which others. OpenLineage's ideas, without its library.

Names follow https://openlineage.io/docs/spec/naming; for Salesforce it has none: `salesforce://<host of the org>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.meanings import meaning_of
from crm_patterns.core.own_columns import OWN_COLUMNS

HASHING = "HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class DatasetName:
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset, and the fields of the inputs that it is made of; empty in an input."""

    name: str
    type: str
    meaning: str = ""
    made_of: tuple[ColumnOrigin, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnOrigin:
    """`change` says what happened to the value on the way, empty where it is the same; `masked` hides what it was."""

    dataset: DatasetName
    field: str
    change: str = ""
    masked: bool = False


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """A dataset as a task used it. Counts are those of this task; None where they say nothing."""

    dataset: DatasetName
    columns: tuple[Column, ...]
    rows: int | None = None
    bytes: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class TaskLineage:
    inputs: tuple[DatasetUse, ...]
    outputs: tuple[DatasetUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Database:
    """Where tables are: `snowflake://<org>-<account>`, and the database as it is stored."""

    namespace: str
    database: str

    def table(self, schema: str, name: str) -> DatasetName:
        return DatasetName(self.namespace, f"{self.database.upper()}.{schema.upper()}.{name.upper()}")


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one attempt."""

    rows: int
    bytes: int
    files: int


def source_object(contract: ObjectContract, host: str) -> DatasetName:
    return DatasetName(f"{contract.source}://{host}", contract.object_name)


def staged_object(contract: ObjectContract, stage_root: str) -> DatasetName:
    """The folder of the object, not of the attempt: a dataset that every run writes to."""
    root = urlsplit(f"{stage_root.rstrip('/')}/{contract.source}/{contract.object_name}")
    if root.scheme == "file":
        return DatasetName("file", root.path)
    return DatasetName(f"{root.scheme}://{root.netloc}", root.path.lstrip("/"))


def extracted(contract: ObjectContract, counts: Counts, *, host: str, stage_root: str) -> TaskLineage:
    """Object of the source → stage, field by field."""
    source = source_object(contract, host)
    given = tuple(Column(f.name, (f.hashed_from or f.kind).value, f.label) for f in contract.fields)
    made = tuple(
        Column(f.column, f.kind.value, meaning_of(f), (ColumnOrigin(source, f.name, *_hashing(f)),))
        for f in contract.fields
    )
    stage = DatasetUse(staged_object(contract, stage_root), made, counts.rows, counts.bytes, counts.files)
    return TaskLineage((DatasetUse(source, given, counts.rows),), (stage,))


def loaded(contract: ObjectContract, counts: Counts, *, stage_root: str) -> TaskLineage:
    """The stage was read. What it was read into lives for minutes, and is no dataset anyone looks for."""
    return TaskLineage((_stage_read(contract, counts, stage_root),))


def published(
    contract: ObjectContract,
    counts: Counts,
    targets: dict[DatasetName, int | None],
    *,
    stage_root: str,
    type_of: Callable[[ContractField], str],
) -> TaskLineage:
    """Stage → tables that people query, with the rows that changed in each."""
    stage = _stage_read(contract, counts, stage_root)
    columns = tuple(_table_columns(contract, stage.dataset, type_of))
    return TaskLineage((stage,), tuple(DatasetUse(table, columns, rows) for table, rows in targets.items()))


def _stage_read(contract: ObjectContract, counts: Counts, stage_root: str) -> DatasetUse:
    columns = tuple(Column(f.column, f.kind.value, meaning_of(f)) for f in contract.fields)
    return DatasetUse(staged_object(contract, stage_root), columns, counts.rows, counts.bytes, counts.files)


def _table_columns(
    contract: ObjectContract, stage: DatasetName, type_of: Callable[[ContractField], str]
) -> Iterator[Column]:
    for field in contract.fields:
        origin = ColumnOrigin(stage, field.column)
        yield Column(field.column.upper(), type_of(field), meaning_of(field), (origin,))
    made_of = {"_deleted": contract.deleted_column, "_source_modified_at": contract.cursor_column}
    for own in OWN_COLUMNS:
        field_type = type_of(ContractField(own.column, own.column, own.kind))
        origin_column = made_of.get(own.column)
        origins = (ColumnOrigin(stage, origin_column, "filled in where empty"),) if origin_column else ()
        yield Column(own.column.upper(), field_type, own.means, origins)


def _hashing(field: ContractField) -> tuple[str, bool]:
    return (HASHING, True) if field.hashed else ("", False)
