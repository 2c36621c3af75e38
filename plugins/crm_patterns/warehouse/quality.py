"""
`core.ports.Quality` by Great Expectations on the warehouse's own engine: it does the counting, no row comes here.

Great Expectations is imported inside the functions: it costs seconds, which a worker pays once when it has loaded it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snowflake.connector import errors as vendor

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import QualityReport, Table
from crm_patterns.core.rules import Rule
from crm_patterns.warehouse.data_docs import DataDocs
from crm_patterns.warehouse.errors import translate
from crm_patterns.warehouse.expectations import failing_keys
from crm_patterns.warehouse.suites import read_suite, rules_for
from crm_patterns.warehouse.verdicts import great_expectations, quiet_config, rule_result, validate

if TYPE_CHECKING:
    from great_expectations.core.batch import Batch


class ExpectationsQuality:
    """
    `connect` gives a connection whose database is set; `docs_root` is a folder, `docs_url` where people open it.

    The first pass asks yes or no, which Great Expectations puts into one aggregate statement (two or three with a
    unique key). Only what failed is asked for numbers and samples.
    """

    def __init__(self, connect: Callable[[], Any], *, suites_root: Path, docs_root: str | Path, docs_url: str) -> None:
        self._connect = connect
        self._suites_root = suites_root
        self._docs = DataDocs(Path(docs_root), url=docs_url)

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport:
        """FixSettings for a suite that cannot be read or understood, RetryLater where a rule could not be asked."""
        known = rules_for(contract, self._suites_root, suite=suite)
        return self._checked(table, known, suite=suite, run_label=run_label, key=contract.key_column)

    def check_table(self, table: Table, *, suite: str, run_label: str) -> QualityReport:
        """FixSettings also for a rule that would set single rows aside: nothing here can do that."""
        known = read_suite(self._suites_root / f"{suite}.json")
        about_rows = next((rule for rule in known if rule.is_row_level), None)
        if about_rows:
            raise FixSettings(
                f"{about_rows.name} in the suite {suite}.json would set rows aside.", fix="Write stop or warn."
            )
        return self._checked(table, known, suite=suite.replace("/", "."), run_label=run_label, key="")

    def _checked(self, table: Table, known: Sequence[Rule], *, suite: str, run_label: str, key: str) -> QualityReport:
        rules = {f"{number:03d} {rule.name} {rule.column}": rule for number, rule in enumerate(known)}
        with self._batch(table) as batch:
            result = validate(batch, suite, rules)
            answers = {answer.meta["name"]: answer for answer in result.results}
            failing = {name: rule for name, rule in rules.items() if rule.is_row_level and not answers[name].success}
            keys = failing_keys(batch, failing, table, key=key)
        page = self._docs.publish(result, suite=suite, run_label=run_label)
        told = (rule_result(rule, answers[name], keys_sql=keys.get(name, "")) for name, rule in rules.items())
        return QualityReport(tuple(told), page)

    @contextmanager
    def _batch(self, table: Table) -> Iterator[Batch]:
        """The table as a batch, on one connection."""
        gx = great_expectations()
        from great_expectations.datasource.fluent.interfaces import TestConnectionError
        from sqlalchemy.pool import StaticPool

        connection = self._connected(table)
        context = gx.get_context(mode="ephemeral", project_config=quiet_config())
        with warnings.catch_warnings():
            # The generic data source takes a connection as it is; the Snowflake one wants the password in a URL.
            warnings.simplefilter("ignore")
            source = context.data_sources.add_sql(
                name="warehouse",
                connection_string="snowflake://crm@warehouse",
                kwargs={"creator": lambda: connection, "poolclass": StaticPool},
                create_temp_table=False,
            )
        try:
            asset = source.add_table_asset(table.name, table_name=table.name.lower(), schema_name=table.schema.lower())
            yield asset.add_batch_definition_whole_table("all rows").get_batch()
        except TestConnectionError as error:
            raise RetryLater(
                f"{table.schema}.{table.name} cannot be audited: {' '.join(str(error).split())}.",
                fix="Clear the object's load task.",
            ) from error
        finally:
            connection.close()

    def _connected(self, table: Table) -> Any:
        try:
            connection = self._connect()
        except vendor.Error as error:
            what = f"{table.schema}.{table.name}"
            raise translate(error, what=what, role="", place="the connection's host") from error
        # In autocommit there is nothing to roll back; SQLAlchemy would send a statement for it after each of its own.
        connection.rollback = lambda: None
        return connection
