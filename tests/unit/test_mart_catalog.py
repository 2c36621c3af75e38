"""The marts that ship, their documentation, and the rates of currencies: read, held together, refused by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from crm_patterns.core.errors import FixSettings
from crm_patterns.currency_rates import load_rates
from crm_patterns.mart_catalog import FOLDER, load_mart, objects_of_marts
from crm_patterns.warehouse.suites import read_suite

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"
MARTS = sorted(objects_of_marts(INCLUDE))


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_says_what_each_column_means_and_its_suite_holds_its_key(name: str) -> None:
    mart = load_mart(INCLUDE, name)
    columns = {column.name for column in mart.columns}
    rules = read_suite(INCLUDE / "expectations" / "marts" / f"{name}.json")

    assert mart.grain.endswith(".")
    assert all(len(meaning) > 5 for meaning in mart.meanings.values())
    assert set(mart.key) <= columns
    assert any(rule.type.endswith("_unique") and set(rule.columns) == set(mart.key) for rule in rules)
    assert {column for rule in rules for column in rule.columns} <= columns
    assert not [rule for rule in rules if rule.is_row_level]
    assert set(mart.one_of) <= {item.name for item in mart.inputs if item.optional}


def test_every_suite_of_a_mart_has_its_mart() -> None:
    assert sorted(path.stem for path in (INCLUDE / "expectations" / "marts").glob("*.json")) == MARTS


def test_the_documentation_of_the_marts_is_that_of_their_files() -> None:
    text = (ROOT / "docs" / "marts.md").read_text()

    for name in MARTS:
        mart = load_mart(INCLUDE, name)
        rows = [f"| `{column.name}` | {_kind(INCLUDE, name, column.name)} | {mart.meanings[column.name]} |"
                for column in mart.columns if column.name != "built_at"]  # fmt: skip
        section = "\n".join(
            [f"### MARTS.{name}", "", mart.grain, "", "| column | kind | meaning |", "|---|---|---|", *rows]
        )
        assert section in text, f"docs/marts.md does not say what {name.lower()}.yaml says; it should read:\n{section}"


def _kind(include: Path, mart: str, column: str) -> str:
    import yaml

    data = yaml.safe_load((include / FOLDER / f"{mart.lower()}.yaml").read_text())
    return str(next(iter(data["columns"][column])))


def test_a_mart_that_is_not_understood_is_named(tmp_path: Path) -> None:
    shutil.copytree(INCLUDE / FOLDER, tmp_path / FOLDER)
    file = tmp_path / FOLDER / "activity.yaml"
    file.write_text(file.read_text().replace("tasks: {whole number:", "tasks: {hole number:"))

    with pytest.raises(FixSettings, match=r"activity\.yaml is not understood: KeyError: 'hole number'"):
        load_mart(tmp_path, "ACTIVITY")


def test_a_mart_is_another_one_when_its_statement_is(tmp_path: Path) -> None:
    shutil.copytree(INCLUDE / FOLDER, tmp_path / FOLDER)
    before = load_mart(tmp_path, "ACTIVITY")
    file = tmp_path / FOLDER / "activity.snowflake.sql"
    file.write_text(file.read_text().replace("'call'", "'phone'"))

    assert load_mart(tmp_path, "ACTIVITY").fingerprint != before.fingerprint
    assert load_mart(INCLUDE, "ACTIVITY").fingerprint == before.fingerprint


def rates(tmp_path: Path, *rows: dict[str, str]) -> Path:
    path = tmp_path / "rates.yaml"
    path.write_text(json.dumps({"rates": rows}))
    return path


def test_a_rate_holds_until_the_next_of_its_currency_and_is_exact(tmp_path: Path) -> None:
    late = {"currency": "EUR", "valid_from": "2026-04-01", "rate": "1.000000000001"}
    early = {"currency": "EUR", "valid_from": "2026-01-01", "rate": "1.10"}
    other = {"currency": "CHF", "valid_from": "2026-02-01", "rate": "2"}

    assert load_rates(rates(tmp_path, late, other, early)) == (
        {**other, "valid_to": None}, {**early, "valid_to": "2026-04-01"}, {**late, "valid_to": None},
    )  # fmt: skip
    assert load_rates(INCLUDE / "config" / "currency_rates.yaml") == ()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"currency": "euro"}, "entry 0 currency"),
        ({"rate": "0"}, "entry 0 rate"),
        ({"valid_from": "soon"}, "entry 0 valid_from"),
        ({"valid_to": "2026-01-01"}, "entry 0 valid_to"),
    ],
)
def test_a_rate_that_is_wrong_is_named(tmp_path: Path, row: dict[str, str], told: str) -> None:
    with pytest.raises(FixSettings, match=told):
        load_rates(rates(tmp_path, {"currency": "EUR", "valid_from": "2026-01-01", "rate": "1", **row}))


def test_two_rates_for_one_day_are_refused(tmp_path: Path) -> None:
    row = {"currency": "EUR", "valid_from": "2026-01-01", "rate": "1"}

    with pytest.raises(FixSettings, match="EUR has two rates from 2026-01-01 on"):
        load_rates(rates(tmp_path, row, row))
