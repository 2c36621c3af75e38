"""`core.ports.RowQuality` by Great Expectations on rows in memory: for the small staged sets of a sync."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import QualityReport
from crm_patterns.core.rules import Rule
from crm_patterns.warehouse.data_docs import DataDocs
from crm_patterns.warehouse.suites import read_suite
from crm_patterns.warehouse.verdicts import great_expectations, quiet_config, rule_result, validate

if TYPE_CHECKING:
    import pyarrow as pa
    from great_expectations.core.batch import Batch
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult


class RowExpectations:
    """`docs_root` is a folder, `docs_url` where people open it. The library is imported with the first check."""

    def __init__(self, *, suites_root: Path, docs_root: str | Path, docs_url: str) -> None:
        self._suites_root = suites_root
        self._docs = DataDocs(Path(docs_root), url=docs_url)

    def check_rows(
        self, rows: Iterable[pa.RecordBatch], contract: ObjectContract, rules: Sequence[Rule], *, suite: str,
        run_label: str,
    ) -> QualityReport:  # fmt: skip
        """FixSettings for a suite that cannot be read or understood."""
        known = [*rules, *self._written(suite, contract)]
        named = {f"{number:03d} {rule.name} {rule.column}": rule for number, rule in enumerate(known)}
        key, page_name = contract.key_column, suite.replace("/", ".")
        detail = {"result_format": "COMPLETE", "unexpected_index_column_names": [key]}
        result = validate(_batch(rows, contract), page_name, named, cased=str.lower, detail=detail)
        answers = {answer.meta["name"]: answer for answer in result.results}
        told = [rule_result(rule, answers[name], keys=_keys(answers[name], rule, key)) for name, rule in named.items()]
        page = self._docs.publish(result, suite=page_name, run_label=run_label)
        return QualityReport(tuple(told), page)

    def _written(self, suite: str, contract: ObjectContract) -> Iterable[Rule]:
        """Those of the suite file, if there is one, about columns that are there."""
        path = self._suites_root / f"{suite}.json"
        written = read_suite(path) if path.exists() else ()
        return (rule for rule in written if set(rule.columns) <= set(contract.columns))


def _batch(rows: Iterable[pa.RecordBatch], contract: ObjectContract) -> Batch:
    import pyarrow as pa

    frame = pa.Table.from_batches(rows, schema=arrow_schema(contract)).to_pandas()
    context = great_expectations().get_context(mode="ephemeral", project_config=quiet_config())
    asset = context.data_sources.add_pandas("stage").add_dataframe_asset(contract.object_name)
    return asset.add_batch_definition_whole_dataframe("all rows").get_batch({"dataframe": frame})


def _keys(answer: ExpectationValidationResult, rule: Rule, key: str) -> Sequence[str]:
    if answer.success or not rule.is_row_level:
        return ()
    found: Iterable[Mapping[str, Any]] = (answer.result or {}).get("unexpected_index_list") or ()
    return tuple(str(each[key]) for each in found)
