"""The files of include/sql: one statement each, in Snowflake's own grammar, only checked names in them."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import Table
from crm_patterns.warehouse.dialects.snowflake import canonical_type, column_type, is_wider
from crm_patterns.warehouse.identifiers import checked, folder_name, identifier, inside_a_bound_statement, table_name
from crm_patterns.warehouse.templates import Templates
from tests.sql.scenario import scenario

ROOT = Path(__file__).resolve().parents[3] / "include" / "sql"
TEMPLATES = Templates(ROOT, dialect="snowflake", column_type=column_type)


def test_every_statement_is_one_statement_that_snowflakes_grammar_knows(tmp_path: Path) -> None:
    for step in scenario("SALES", tmp_path):
        bound = TEMPLATES.render(step.statement, step.names).replace("%%", "%")
        for name in step.values:
            bound = bound.replace(f"%({name})s", "'x'")

        parsed = sqlglot.parse(bound, dialect="snowflake")

        assert len(parsed) == 1, step.statement
        assert not isinstance(parsed[0], exp.Command), f"{step.statement} was not understood"


def test_every_statement_opens_with_what_it_guarantees() -> None:
    for file in ROOT.rglob("*.sql"):
        first = file.read_text().splitlines()[0]

        assert first.startswith("-- "), file
        assert first.endswith("."), file
        assert "%" not in first, f"{file}: a percent sign would be taken for a value to bind"


def test_an_unknown_statement_and_a_missing_name_are_named() -> None:
    with pytest.raises(FixSettings, match=r"control/nothing\.snowflake\.sql"):
        TEMPLATES.render("control/nothing", {})
    with pytest.raises(FixSettings, match=r"drop_table.*'table' is undefined"):
        TEMPLATES.render("control/drop_table", {})


@pytest.mark.parametrize("name", ["", "1st", "a b", 'a"b', "a;drop", "naïve", "a.b", "x" * 256])
def test_a_name_that_is_more_than_a_name_is_refused(name: str) -> None:
    with pytest.raises(FixSettings, match="cannot be a name"):
        checked(name)


def test_names_are_upper_case_and_quoted() -> None:
    assert identifier("group") == '"GROUP"'
    assert table_name(Table("salesforce", "Order")) == '"SALESFORCE"."ORDER"'
    assert identifier("_synced_at") == '"_SYNCED_AT"'


@pytest.mark.parametrize("folder", ["../x", "a//b", "/a", "a'b", ""])
def test_a_folder_that_is_more_than_a_folder_is_refused(folder: str) -> None:
    with pytest.raises(FixSettings, match="cannot be a folder"):
        folder_name(folder)


def test_sql_of_another_maker_keeps_its_percent_signs() -> None:
    assert inside_a_bound_statement("like '%_@%'") % {} == "like '%_@%'"


@pytest.mark.parametrize(
    ("field", "written", "described"),
    [
        (ContractField("a", "a", FieldKind.TEXT, length=80), "VARCHAR", "VARCHAR(16777216)"),
        (ContractField("a", "a", FieldKind.INTEGER), "NUMBER(38,0)", "NUMBER(38,0)"),
        (ContractField("a", "a", FieldKind.DECIMAL, precision=18, scale=2), "NUMBER(38,2)", "NUMBER(38,2)"),
        (ContractField("a", "a", FieldKind.TIMESTAMP), "TIMESTAMP_TZ", "TIMESTAMP_TZ(9)"),
        (ContractField("a", "a", FieldKind.TIME), "TIME", "TIME(9)"),
        (ContractField("a", "a", FieldKind.BOOLEAN), "BOOLEAN", "BOOLEAN"),
        (ContractField("a", "a", FieldKind.DATE), "DATE", "DATE"),
    ],
)
def test_a_type_is_written_as_it_is_described(field: ContractField, written: str, described: str) -> None:
    assert column_type(field) == written
    assert canonical_type(described) == written


def test_there_is_no_other_kind_of_file() -> None:
    kinds = {"".join(path.suffixes) for path in ROOT.rglob("*") if path.is_file()}

    assert kinds == {".snowflake.sql", ".snowflake.jinja", ".yaml"}
    assert {path.parent.name for path in ROOT.rglob("*.yaml")} == {"marts"}


@pytest.mark.parametrize(
    ("present", "wanted", "is_so"),
    [
        ("NUMBER(18,2)", "NUMBER(38,2)", True),
        ("NUMBER(38,2)", "NUMBER(18,2)", False),
        ("NUMBER(18,2)", "NUMBER(38,4)", False),
        ("NUMBER(18,4)", "NUMBER(38,2)", False),
        ("VARCHAR(255)", "VARCHAR", True),
        ("BOOLEAN", "VARCHAR", False),
        ("VARCHAR", "NUMBER(38,0)", False),
        ("DATE", "TIMESTAMP_TZ", False),
    ],
)
def test_only_what_loses_nothing_is_a_widening(present: str, wanted: str, is_so: bool) -> None:
    assert is_wider(wanted, present) is is_so
