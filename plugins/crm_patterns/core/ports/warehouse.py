"""An analytic database, and the checks that run on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from crm_patterns.core.contracts import ContractField, ObjectContract
from crm_patterns.core.rules import Rule

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Table:
    """A checked, upper-case warehouse name in the connection's database."""

    schema: str
    name: str


class Warehouse(Protocol):
    """An analytic database. Statements are templates of include/sql, named `<pattern>/<verb_object>`."""

    def run(
        self, statement: str, *, names: Mapping[str, Any] | None = None, values: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Render the template with `names` (checked identifiers and contracts), bind `values`, return the rows."""

    def upload(self, local: Path, *, stage_path: str) -> None:
        """PUT one file into the internal stage `Table`-like path `SCHEMA.STAGE/folder`."""

    def columns(self, table: Table) -> Mapping[str, str]:
        """Type by lower-cased column name; empty where there is no such table."""

    def column_type(self, column: ContractField) -> str:
        """The dialect's type for a contract's field, as in DDL."""

    def can_widen(self, present: str, column: ContractField) -> bool:
        """Whether a column of type `present` can be altered, without loss, to the type of this field."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class RuleResult:
    """
    One expectation's answer. `failing_keys_sql` selects the keys of all failing rows; empty at table level.

    `failing_keys` are they themselves where the rows were in memory.
    """

    rule: str
    column: str
    sentence: str
    is_row_level: bool
    passed: bool
    failed_rows: int = 0
    failing_keys_sql: str = ""
    failing_keys: tuple[str, ...] = ()
    blocking: bool = True
    observed: str = ""


@dataclass(frozen=True, slots=True)
class QualityReport:
    rules: tuple[RuleResult, ...]
    docs_uri: str


class Quality(Protocol):
    """Runs a suite on the warehouse's own engine over one table, and builds the page a person reads."""

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport: ...

    def check_table(self, table: Table, *, suite: str, run_label: str) -> QualityReport:
        """By the rules of the suite alone, none of which is about single rows: for tables without a contract."""


class RowQuality(Protocol):
    """Runs rules over rows in memory, and builds the page a person reads."""

    def check_rows(
        self, rows: Iterable[pa.RecordBatch], contract: ObjectContract, rules: Sequence[Rule], *, suite: str,
        run_label: str,
    ) -> QualityReport:  # fmt: skip
        """By these rules, and those of the suite of that name where there is one."""
