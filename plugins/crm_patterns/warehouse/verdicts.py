"""
Great Expectations, asked: rules over a batch, and what it answered in our words.

It is imported inside the functions: it costs seconds, which a worker pays once, and only where there is work for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import RuleResult
from crm_patterns.core.rules import OnFailure, Rule
from crm_patterns.warehouse.expectations import configuration_of

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.core.batch import Batch
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult


def great_expectations() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")  # read when the library is imported
    import great_expectations

    return great_expectations


def quiet_config() -> Any:
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


def validate(
    batch: Batch, suite: str, rules: Mapping[str, Rule], *, cased: Callable[[str], str] = str.upper,
    detail: str | Mapping[str, Any] = "SUMMARY",
) -> ExpectationSuiteValidationResult:  # fmt: skip
    """Every rule asked for yes or no, and those that failed once more, in `detail`."""
    result = _ask(batch, suite, rules, "BOOLEAN_ONLY", cased)
    answers = {answer.meta["name"]: answer for answer in result.results}
    failed = {name: rule for name, rule in rules.items() if not answers[name].success}
    if failed:
        answers |= {answer.meta["name"]: answer for answer in _ask(batch, suite, failed, detail, cased).results}
    result.results = [answers[name] for name in rules]
    return result


def _ask(
    batch: Batch, suite: str, rules: Mapping[str, Rule], detail: str | Mapping[str, Any], cased: Callable[[str], str]
) -> ExpectationSuiteValidationResult:
    expectations = [_expectation(suite, name, rule, cased) for name, rule in rules.items()]
    known = great_expectations().ExpectationSuite(suite, expectations=expectations)
    asked = {"result_format": detail} if isinstance(detail, str) else dict(detail)
    result = batch.validate(known, result_format=asked)
    for answer in result.results:
        answer.meta["name"] = answer.expectation_config.meta["name"]
        _stop_where_not_asked(answer, suite)
    return result


def _expectation(suite: str, name: str, rule: Rule, cased: Callable[[str], str]) -> Any:
    from great_expectations.exceptions import GreatExpectationsError

    try:
        return configuration_of(name, rule, cased=cased).to_domain_obj()
    except (GreatExpectationsError, ValueError, TypeError) as error:
        raise FixSettings(
            f"{rule.type} in the suite {suite}.json is not understood: {' '.join(str(error).split())[:300]}.",
            fix="Correct the suite.",
        ) from error


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


def rule_result(
    rule: Rule, answer: ExpectationValidationResult, *, keys_sql: str = "", keys: Sequence[str] = ()
) -> RuleResult:
    """`keys_sql` yields the keys of the failing rows; `keys` are they, where the rows are in memory."""
    told = answer.result or {}
    return RuleResult(
        rule=rule.name,
        column=rule.column,
        sentence=rule.sentence,
        is_row_level=rule.is_row_level,
        passed=bool(answer.success),
        failed_rows=int(told.get("unexpected_count") or 0),
        failing_keys_sql=keys_sql,
        failing_keys=tuple(keys),
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
