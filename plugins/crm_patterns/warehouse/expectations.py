"""Our rules as Great Expectations' objects, and the query that finds every row that breaks one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from crm_patterns.core.ports import Table
from crm_patterns.core.rules import OnFailure, Rule

if TYPE_CHECKING:
    from great_expectations.core.batch import Batch
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")
_NO_PROGRESS_BAR = 1_000_000


def configuration_of(name: str, rule: Rule, *, cased: Callable[[str], str] = str.upper) -> ExpectationConfiguration:
    """
    The rule under a name that is its own within the run; a column in upper case, so that reserved words work.

    The columns of a list stay in lower case, as Great Expectations looks them up in what it found in the table. Rows in
    memory have lower case (`cased`).
    """
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    kwargs = {key: cased(value) if key in _COLUMN_ARGUMENTS else value for key, value in rule.kwargs.items()}
    return ExpectationConfiguration(
        type=rule.type,
        kwargs=kwargs,
        meta={"name": name, "on_failure": rule.on_failure.value},
        description=_described(rule),
        severity="warning" if rule.on_failure is OnFailure.WARN else "critical",
    )


def _described(rule: Rule) -> str:
    """What the Data Docs show: the sentence for people, then the rule. A dollar sign begins a placeholder there."""
    arguments = ", ".join(f"{key} {_shortened(value)}" for key, value in rule.kwargs.items() if key != "column")
    words = rule.type.removeprefix("expect_").replace("_", " ")
    return f"{rule.sentence} ({words}{': ' if arguments else ''}{arguments})".replace("$", "$$")


def _shortened(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def failing_keys(batch: Batch, rules: Mapping[str, Rule], table: Table, *, key: str) -> dict[str, str]:
    """
    By rule, a query that yields the key of every failing row as RECORD_KEY.

    It is made from the very condition that Great Expectations counted by. Its own query as text is not used: it puts
    values into double quotes when they hold an apostrophe.
    """
    if not rules:
        return {}
    import sqlalchemy as sa
    from great_expectations.validator.validator import Validator
    from snowflake.sqlalchemy.snowdialect import SnowflakeDialect

    validator = Validator(execution_engine=batch.data.execution_engine, batches=[batch])
    metrics = {name: _condition(name, rule) for name, rule in rules.items()}
    found, _ = validator.compute_metrics(list(metrics.values()), min_graph_edges_pbar_enable=_NO_PROGRESS_BAR)
    dialect = SnowflakeDialect(paramstyle="named")  # percent signs stay single: nothing is bound here
    source = sa.table(_quoted(table.name), schema=_quoted(table.schema))
    column: Any = sa.column(_quoted(key)).label(_quoted("RECORD_KEY"))
    queries = {name: sa.select(column).select_from(source).where(found[metrics[name].id][0]) for name in rules}
    literal = {"literal_binds": True}
    return {name: str(query.compile(dialect=dialect, compile_kwargs=literal)) for name, query in queries.items()}


def _quoted(name: str) -> Any:
    from sqlalchemy.sql import quoted_name

    return quoted_name(name.upper(), quote=True)


def _condition(name: str, rule: Rule) -> Any:
    """The metric that is true for a row that breaks the rule."""
    from great_expectations.expectations.registry import get_metric_kwargs
    from great_expectations.validator.metric_configuration import MetricConfiguration

    configuration = configuration_of(name, rule)
    metric = f"{configuration.to_domain_obj().map_metric}.condition"
    kwargs = get_metric_kwargs(metric, configuration=configuration)
    return MetricConfiguration(metric, kwargs["metric_domain_kwargs"], kwargs["metric_value_kwargs"])
