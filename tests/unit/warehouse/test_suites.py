"""Rules that a contract implies, rules that a suite file states, and what is wrong with a suite file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.catalog import load_warehouse_elt
from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.rules import OnFailure
from crm_patterns.warehouse.suites import implied_rules, read_suite, rules_for
from tests.sql.attempts import ORDER
from tests.sql.standard_objects import contract_of

ROOT = Path(__file__).resolve().parents[3]
SUITES = ROOT / "include" / "expectations"


def test_a_contract_implies_its_rules() -> None:
    more = (
        ContractField("AccountId", "account_id", FieldKind.TEXT, references=("Account",)),
        ContractField("Status", "status", FieldKind.TEXT, values=("Draft", "Activated")),
        ContractField("Email", "email", FieldKind.TEXT, values=("a",), references=("User",), hashed=True),
    )

    rules = {(rule.column, rule.type): rule for rule in implied_rules(replace(ORDER, fields=ORDER.fields + more))}

    assert {name: rule.on_failure for name, rule in rules.items()} == {
        ("id", "expect_column_values_to_not_be_null"): OnFailure.STOP,
        ("id", "expect_column_values_to_be_unique"): OnFailure.STOP,
        ("is_deleted", "expect_column_values_to_not_be_null"): OnFailure.REJECT_ROWS,
        ("system_modstamp", "expect_column_values_to_not_be_null"): OnFailure.REJECT_ROWS,
        ("account_id", "expect_column_value_lengths_to_equal"): OnFailure.REJECT_ROWS,
        ("status", "expect_column_values_to_be_in_set"): OnFailure.REJECT_ROWS,
    }
    assert rules["status", "expect_column_values_to_be_in_set"].kwargs["value_set"] == ["Draft", "Activated"]


def test_rules_about_fields_that_do_not_move_or_are_hashed_are_left_out(tmp_path: Path) -> None:
    rules = [_expectation(column="name"), _expectation(column="quantity"), _expectation(column="not_there")]
    (tmp_path / "Order.json").write_text(json.dumps({"name": "Order", "expectations": rules}))
    hashed = replace(ORDER, fields=tuple(replace(f, hashed=f.name == "Name") for f in ORDER.fields))

    written = [rule for rule in rules_for(hashed, tmp_path, suite="Order") if not rule.name.startswith("contract.")]

    assert [rule.column for rule in written] == ["quantity"]


def test_an_object_without_a_suite_has_the_contracts_rules(tmp_path: Path) -> None:
    assert rules_for(ORDER, tmp_path, suite="Order") == tuple(implied_rules(ORDER))


def _expectation(on_failure: str = "warn", sentence: str = "Fix it.", **kwargs: Any) -> dict[str, Any]:
    meta = {"on_failure": on_failure, "sentence": sentence}
    return {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs, "meta": meta}


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ("{", r"Order\.json is not valid JSON: .* in line 1"),
        ("[]", r"Order\.json has no list `expectations`"),
        ([{"kwargs": {}}], r"expectation 1, type: "),
        ([_expectation(column="name"), {"type": "expect_x"}], r"expectation 2, kwargs: "),
        ([_expectation("reject_row", column="name")], r"meta\.on_failure: write one of .*; reject_rows\?"),
        ([_expectation(sentence=" ", column="name")], r"meta\.sentence: "),
        ([_expectation("reject_rows", column="name", mostly=0.9)], r"reject_rows needs .* without mostly"),
        ([_expectation(column="name"), _expectation(column="NAME")], r"column_values_to_not_be_null of name twice"),
    ],
)
def test_a_mistake_in_a_suite_is_named_with_its_place(suite: Any, said: str, tmp_path: Path) -> None:
    file = tmp_path / "Order.json"
    file.write_text(suite if isinstance(suite, str) else json.dumps({"expectations": suite}))

    with pytest.raises(FixSettings, match=said):
        read_suite(file)


@pytest.mark.parametrize("file", sorted(SUITES.glob("*.json")), ids=lambda file: file.stem)
def test_a_shipped_suite_speaks_of_fields_that_the_object_has(file: Path) -> None:
    contract = contract_of(file.stem)

    rules = read_suite(file)

    assert json.loads(file.read_text())["name"] == file.stem
    assert {column for rule in rules for column in rule.columns} <= set(contract.columns)
    assert len(rules) >= 2


def test_every_object_of_the_settings_has_a_suite() -> None:
    settings = load_warehouse_elt(ROOT / "include" / "config" / "warehouse_elt.yaml")

    assert {item.name for item in settings.objects} <= {file.stem for file in SUITES.glob("*.json")}
