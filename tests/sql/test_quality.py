"""Great Expectations over an attempt on the warehouse's own engine: who fails, and what people get to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.core.ports import QualityReport, RuleResult, Table
from crm_patterns.warehouse.quality import ExpectationsQuality
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from crm_patterns.warehouse.suites import read_suite
from tests.sql.attempts import ORDER, loaded, order
from tests.sql.standard_objects import contract_of

SUITES = Path(__file__).resolve().parents[2] / "include" / "expectations"

Check = Callable[..., QualityReport]


@pytest.fixture
def check(connect: Any, tmp_path: Path) -> Check:
    """Run the expectations given, and what the contract implies, over a table."""

    def run(table: Table, contract: ObjectContract = ORDER, *, expectations: list[dict[str, Any]]) -> QualityReport:
        (tmp_path / "Order.json").write_text(json.dumps({"name": "Order", "expectations": expectations}))
        quality = ExpectationsQuality(
            connect, suites_root=tmp_path, docs_root=tmp_path / "docs", docs_url="/crm/data-docs/"
        )
        return quality.check(table, contract, suite="Order", run_label=table.name.lower())

    return run


def expectation(kind: str, on_failure: str, *, name: str = "", **kwargs: Any) -> dict[str, Any]:
    called = name or kind.removeprefix("expect_column_values_to_")
    meta = {"name": called, "on_failure": on_failure, "sentence": f"Fix {kind}."}
    return {"type": kind, "kwargs": kwargs, "meta": meta}


def result_of(report: QualityReport, rule: str, column: str) -> RuleResult:
    return next(result for result in report.rules if (result.rule, result.column) == (rule, column))


def failing_keys(warehouse: SnowflakeWarehouse, result: RuleResult, table: Table) -> list[str]:
    rejects = Table(table.schema, f"{table.name}__REJECTS")
    warehouse.run("warehouse_elt/create_rejects", names={"table": rejects})
    warehouse.run(
        "warehouse_elt/insert_rejects",
        names={"table": rejects, "failing_keys_sql": result.failing_keys_sql},
        values={"rule": result.rule, "column_name": result.column, "reason": result.sentence},
    )
    names = {"rejects": rejects, "attempt": table, "contract": ORDER}
    rows = warehouse.run("warehouse_elt/select_rejects", names=names)
    assert {row[1:4] for row in rows} <= {(result.rule, result.column, result.sentence)}
    return [row[0] for row in rows]


def test_every_failing_row_is_found_however_many_and_whatever_its_column_is_called(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    keys = [f"801{number:015d}" for number in range(120)]
    rows = [
        order(key, group="it's 50% off" if n % 2 else "ok", amount=Decimal(-1 if n % 3 == 0 else 1), name=f"{n}%")
        for n, key in enumerate(keys)
    ]
    attempt = loaded(warehouse, schema, tmp_path, rows)

    report = check(
        attempt,
        expectations=[
            expectation("expect_column_values_to_be_in_set", "reject_rows", column="group", value_set=["ok", "100%'s"]),
            expectation("expect_column_values_to_be_between", "reject_rows", column="amount", min_value=0),
            expectation("expect_column_values_to_match_like_pattern", "reject_rows", column="name", like_pattern="1%"),
            expectation("expect_column_values_to_not_be_null", "reject_rows", column="start"),
        ],
    )

    in_set = result_of(report, "be_in_set", "group")
    assert (in_set.passed, in_set.is_row_level, in_set.blocking, in_set.failed_rows) == (False, True, True, 60)
    assert failing_keys(warehouse, in_set, attempt) == keys[1::2]
    assert in_set.observed == "60 of 120 rows (50.00 %)"
    assert failing_keys(warehouse, result_of(report, "be_between", "amount"), attempt) == keys[::3]
    like = result_of(report, "match_like_pattern", "name")
    assert failing_keys(warehouse, like, attempt) == [key for n, key in enumerate(keys) if not str(n).startswith("1")]
    there = result_of(report, "not_be_null", "start")
    assert (there.passed, there.failing_keys_sql) == (True, "")


def test_a_key_that_comes_twice_stops_the_table(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order("801A"), order("801A", hour=1), order("801B")])

    report = check(attempt, expectations=[])

    unique = result_of(report, "contract.column_values_to_be_unique", "id")
    assert (unique.passed, unique.is_row_level, unique.blocking, unique.failed_rows) == (False, False, True, 2)
    assert [result.rule for result in report.rules if not result.passed] == [unique.rule]


def test_a_warning_never_blocks_and_a_share_may_fail(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order(f"801{n}", name=None if n < 3 else "x") for n in range(10)])
    not_null = "expect_column_values_to_not_be_null"

    report = check(
        attempt,
        expectations=[
            expectation(not_null, "warn", name="warned", column="name"),
            expectation(not_null, "stop", name="within", column="name", mostly=0.7),
            expectation(not_null, "stop", name="above", column="name", mostly=0.8),
            expectation("expect_table_row_count_to_be_between", "warn", min_value=11),
        ],
    )  # fmt: skip

    told = {result.rule: (result.passed, result.blocking, result.is_row_level) for result in report.rules[-4:]}
    assert told == {
        "warned": (False, False, False),
        "within": (True, True, False),
        "above": (False, True, False),
        "expect_table_row_count_to_be_between": (False, False, False),
    }
    assert result_of(report, "above", "name").observed == "3 of 10 rows (30.00 %)"
    assert result_of(report, "expect_table_row_count_to_be_between", "").observed == "observed 10"


def test_the_data_docs_are_a_site_that_a_person_can_read(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order("801A", amount=Decimal(-5))])
    rules = [expectation("expect_column_values_to_be_between", "reject_rows", column="amount", min_value=0)]

    first, second = check(attempt, expectations=rules), check(attempt, expectations=rules)

    docs = tmp_path / "docs"
    page = docs / first.docs_uri.removeprefix("/crm/data-docs/")
    text = page.read_text()
    assert "Fix expect_column_values_to_be_between." in text
    assert "-5" in text
    assert (page.parent / "../../../../index.html").resolve() == docs / "index.html"
    assert (docs / "expectations" / "Order.html").exists()
    index = (docs / "index.html").read_text()
    assert index.index(second.docs_uri.removeprefix("/crm/data-docs/")) < index.index(page.relative_to(docs).as_posix())
    assert index.count("1 failed") == 2


def test_a_suite_that_is_not_understood_is_for_a_person(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order()])

    with pytest.raises(FixSettings, match=r"Order\.json"):
        check(attempt, expectations=[expectation("expect_column_values_to_be_lovely", "warn", column="name")])


def test_a_rule_that_could_not_be_asked_is_no_verdict(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    attempt = loaded(warehouse, schema, tmp_path, [order()])
    rule = expectation("expect_column_values_to_be_between", "warn", column="name", min_value=3)

    with pytest.raises(RetryLater, match=r"could not be asked.*Order\.json"):
        check(attempt, expectations=[rule])
    with pytest.raises(RetryLater, match="cannot be audited"):
        check(Table(schema, "ORDER__GONE"), expectations=[])


def test_every_shipped_rule_can_be_asked(
    warehouse: SnowflakeWarehouse, schema: str, tmp_path: Path, check: Check
) -> None:
    """All the suites at once, each object's columns under its own prefix, over one row that breaks nothing it can."""
    fields, expectations = {"id": ORDER.fields[0]}, []
    for file in sorted(SUITES.glob("*.json")):
        of_object = {item.column: item for item in contract_of(file.stem).fields}
        for rule in read_suite(file):
            for column in rule.columns:
                fields[_prefixed(file, column)] = _free(of_object[column], _prefixed(file, column))
            columns = {name: _prefixed(file, value) for name, value in rule.kwargs.items() if name.startswith("column")}
            meta = {"name": rule.name, "on_failure": rule.on_failure.value, "sentence": rule.sentence}
            expectations.append({"type": rule.type, "kwargs": {**rule.kwargs, **columns}, "meta": meta})
    contract = replace(ORDER, fields=tuple(fields.values()), cursor=None, deleted_flag=None)
    rows = [dict.fromkeys(fields) | {"id": f"801{number:015d}"} for number in range(2)]
    attempt = loaded(warehouse, schema, tmp_path, rows, contract)

    report = check(attempt, contract, expectations=expectations)

    assert len(report.rules) == len(expectations) + 2
    assert {result.rule for result in report.rules if not result.passed} == {"column_values_to_not_be_null"}


def _prefixed(file: Path, column: str) -> str:
    return f"{file.stem}__{column}".lower()


def _free(item: ContractField, column: str) -> ContractField:
    assert item.kind is not FieldKind.UNREADABLE
    return replace(item, column=column, name=column, nullable=True, values=(), references=())
