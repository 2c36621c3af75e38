"""
`core.ports.Quality` by Great Expectations on the warehouse's own engine: it does the counting, no row comes here.

Great Expectations is imported inside the functions: it costs seconds, which a worker pays once when it has loaded it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snowflake.connector import errors as vendor

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import QualityReport, RuleResult, Table
from crm_patterns.warehouse.data_docs import DataDocs
from crm_patterns.warehouse.errors import translate
from crm_patterns.warehouse.identifiers import identifier
from crm_patterns.warehouse.suites import OnFailure, Rule, rules_for

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.batch import Batch
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_FIRST_PASS = {"result_format": "BOOLEAN_ONLY"}


class ExpectationsQuality:
    """
    `connect` gives a connection whose database is set; `docs_root` is a folder, `docs_url` where people open it.

    The first pass asks yes or no, which Great Expectations puts into one aggregate statement (two or three with a
    unique key). Only what failed is asked for numbers, samples and the query that finds every failing row.
    """

    def __init__(self, connect: Callable[[], Any], *, suites_root: Path, docs_root: str | Path, docs_url: str) -> None:
        self._connect = connect
        self._suites_root = suites_root
        self._docs = DataDocs(Path(docs_root), url=docs_url)

    def check(self, table: Table, contract: ObjectContract, *, suite: str, run_label: str) -> QualityReport:
        """FixSettings for a suite that cannot be read or understood, RetryLater where a rule could not be asked."""
        rules = rules_for(contract, self._suites_root, suite=suite)
        by_name = {_name(number, rule): rule for number, rule in enumerate(rules)}
        with self._batch(table) as batch:
            result = _validate(batch, suite, by_name, key=contract.key_column)
        page = self._docs.publish(result, suite=suite, run_label=run_label)
        answers = {answer.meta["name"]: answer for answer in result.results}
        return QualityReport(tuple(_rule_result(rule, answers[name], contract) for name, rule in by_name.items()), page)

    @contextmanager
    def _batch(self, table: Table) -> Iterator[Batch]:
        """The table as a batch, on one connection."""
        gx = _great_expectations()
        try:
            connection = self._connect()
        except vendor.Error as error:
            what = f"{table.schema}.{table.name}"
            raise translate(error, what=what, role="", place="the connection's host") from error
        # In autocommit there is nothing to roll back; SQLAlchemy would send a statement for it after each of its own.
        connection.rollback = lambda: None
        from sqlalchemy.pool import StaticPool

        context = gx.get_context(mode="ephemeral", project_config=_quiet_config())
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
        except gx.datasource.fluent.interfaces.TestConnectionError as error:
            raise RetryLater(
                f"{table.schema}.{table.name} cannot be audited: {' '.join(str(error).split())}.",
                fix="Clear the object's load task.",
            ) from error
        finally:
            connection.close()


def _great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")  # read when the library is imported
    import great_expectations
    import great_expectations.datasource.fluent.interfaces

    return great_expectations


def _quiet_config() -> Any:
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )


def _name(number: int, rule: Rule) -> str:
    return f"{number:03d} {rule.name} {rule.column}".strip()


def _validate(batch: Batch, suite: str, rules: Mapping[str, Rule], *, key: str) -> ExpectationSuiteValidationResult:
    first = _ask(batch, suite, rules, _FIRST_PASS)
    again = {
        answer.meta["name"]
        for answer in first.results
        if not answer.success or "mostly" in answer.expectation_config.kwargs
    }
    details = {
        "result_format": "SUMMARY",
        "unexpected_index_column_names": [key.upper()],
        "return_unexpected_index_query": True,
    }
    told: dict[str, Any] = {}
    if again:
        second = _ask(batch, suite, {name: rules[name] for name in again}, details)
        told = {answer.meta["name"]: answer for answer in second.results}
    order = {name: place for place, name in enumerate(rules)}
    merged = [told.get(answer.meta["name"], answer) for answer in first.results]
    first.results = sorted(merged, key=lambda answer: order[answer.meta["name"]])
    return first


def _ask(
    batch: Batch, suite: str, rules: Mapping[str, Rule], result_format: dict[str, Any]
) -> ExpectationSuiteValidationResult:
    gx = _great_expectations()
    from great_expectations.exceptions import GreatExpectationsError

    try:
        expectations = [_configuration(name, rule) for name, rule in rules.items()]
        result = batch.validate(gx.ExpectationSuite(suite, expectations=expectations), result_format=result_format)
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise FixSettings(
            f"The suite {suite}.json is not understood: {' '.join(str(error).split())[:400]}.", fix="Correct the suite."
        ) from error
    for answer in result.results:
        answer.meta["name"] = answer.expectation_config.meta["name"]
        _stop_where_not_asked(answer, suite)
    return result


def _configuration(name: str, rule: Rule) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kwargs = {key: _upper(value) if key in _COLUMN_ARGUMENTS else value for key, value in rule.kwargs.items()}
    if "column_list" in kwargs:
        kwargs["column_list"] = [_upper(column) for column in kwargs["column_list"]]
    return ExpectationConfiguration(
        type=rule.type,
        kwargs=kwargs,
        meta={"name": name, "on_failure": rule.on_failure.value},
        notes=rule.sentence,
        severity="warning" if rule.on_failure is OnFailure.WARN else "critical",
    )


def _upper(column: str) -> str:
    """Upper-case names are quoted by SQLAlchemy, so that reserved words work."""
    return column.upper()


def _stop_where_not_asked(answer: ExpectationValidationResult, suite: str) -> None:
    """Great Expectations reports an error as a failed expectation; a rule that was not asked is no verdict."""
    raised = _exceptions(answer.exception_info or {})
    if raised:
        config = answer.expectation_config
        raise RetryLater(
            f"{config.type} of {config.kwargs.get('column', suite)} could not be asked: {raised[0][:400]}.",
            fix=f"If it repeats, correct that expectation in {suite}.json.",
        )


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    if "raised_exception" in info:
        return [" ".join(str(info.get("exception_message")).split())] if info["raised_exception"] else []
    return [message for nested in info.values() if isinstance(nested, dict) for message in _exceptions(nested)]


def _rule_result(rule: Rule, answer: ExpectationValidationResult, contract: ObjectContract) -> RuleResult:
    told = answer.result or {}
    failed = int(told.get("unexpected_count") or 0)
    failing_keys = ""
    if rule.is_row_level and not answer.success:
        failing_keys = _failing_keys_sql(told["unexpected_index_query"], contract)
    return RuleResult(
        rule=rule.name,
        column=rule.column,
        sentence=rule.sentence,
        is_row_level=rule.is_row_level,
        passed=bool(answer.success),
        failed_rows=failed,
        failing_keys_sql=failing_keys,
        blocking=rule.on_failure is not OnFailure.WARN,
        observed=_observed(told),
    )


def _observed(told: Mapping[str, Any]) -> str:
    if "observed_value" in told:
        return f"observed {told['observed_value']}"
    if "unexpected_count" in told:
        failed, rows, share = told["unexpected_count"], told["element_count"], told["unexpected_percent"]
        return f"{int(failed):,} of {int(rows):,} rows ({share or 0:.2f} %)"
    return ""


def _failing_keys_sql(query: str, contract: ObjectContract) -> str:
    """Great Expectations' own query of the failing rows, of which the key alone is taken."""
    key = identifier(contract.key_column)
    return f'select failing.{key} as "RECORD_KEY"\nfrom (\n{query.strip().rstrip(";")}\n) as failing'
