"""Fields that come, go, hide and change while the org lives, and are still so after a restart."""

from pathlib import Path

import pytest

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.schema import SchemaError, load, read_field
from sandbox.salesforce.store import Org
from tests.unit.sandbox.small_org import rows, small_org, sql_rows


def test_every_field_of_every_object_can_be_read() -> None:
    schema = load()

    opportunity = schema.objects["Opportunity"]
    assert opportunity.fields["Amount"].storage == "decimal(18,2)"
    assert opportunity.fields["IsWon"].storage is None
    assert "LastModifiedDate" not in schema.objects["OpportunityHistory"].fields
    assert "SystemModstamp" not in schema.objects["OpportunityFieldHistory"].fields
    assert "IsDeleted" not in schema.objects["User"].fields
    assert {spec.compound for spec in schema.objects["Account"].fields.values()} >= {"BillingAddress", None}


@pytest.mark.parametrize("notation", ["strin(40)", "string(x)", "string(40) rdo", "string 40 (", ""])
def test_a_notation_that_cannot_be_read_names_its_field(notation: str) -> None:
    with pytest.raises(SchemaError, match=r"Account\.New__c"):
        read_field("Account", "New__c", notation)


def test_a_field_comes_with_values_and_goes_without_a_stamp_moving(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        stamps = sql_rows(org, 'select sum(hash("Id", "SystemModstamp")) from "Account"')

        org.add_field("Account", "Code__c", "string(30)", value_sql="'A-' || \"Id\"")
        found = rows(org, "SELECT Id, Code__c FROM Account")

        assert all(code == f"A-{record_id}" for record_id, code in found)
        assert stamps == sql_rows(org, 'select sum(hash("Id", "SystemModstamp")) from "Account"')
        org.remove_field("Account", "Code__c")
        with pytest.raises(SalesforceFault, match="No such column 'Code__c'"):
            rows(org, "SELECT Code__c FROM Account")


def test_hiding_keeps_the_values(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        before = rows(org, "SELECT Id, Industry FROM Account ORDER BY Id")

        org.hide_field("Account", "Industry")
        with pytest.raises(SalesforceFault, match="No such column 'Industry'"):
            rows(org, "SELECT Industry FROM Account")
        assert "Industry" not in org.fields("Account")
        assert "Industry" in org.fields("Account", hidden=True)
        org.hide_field("Account", "Industry", hidden=False)

        assert rows(org, "SELECT Id, Industry FROM Account ORDER BY Id") == before


def test_retyping_empties_what_does_not_fit(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        org.add_field("Lead", "Score__c", "string(10)", value_sql="if(random() < 0.5, '12', 'high')")
        org.retype_field("Lead", "Score__c", "double(18,2)")

        assert {row[0] for row in rows(org, "SELECT Score__c FROM Lead")} == {12, None}


def test_changes_outlive_a_restart(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        org.add_field("Account", "Late__c", "int(8)", value_sql="5")
        org.hide_field("Account", "Site")
        org.remove_field("Account", "Sic")
        org.change_formula("Subscription__c", "Days_To_Renewal__c", "42")
    org = Org(tmp_path)

    assert rows(org, "SELECT Late__c FROM Account LIMIT 1") == [(5,)]
    assert rows(org, "SELECT Days_To_Renewal__c FROM Subscription__c LIMIT 1") == [(42,)]
    assert org.field("Account", "Site") is None
    assert org.field("Account", "Sic") is None
    org.close()


def test_nonsense_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with small_org(tmp_path) as org:
        with pytest.raises(SchemaError, match=r"Account\.Name exists already"):
            org.add_field("Account", "Name", "string(10)")
        with pytest.raises(SchemaError, match=r"Account\.New__c"):
            org.add_field("Account", "New__c", "string(10)", value_sql="no_such_column")
        with pytest.raises(SchemaError, match="Account has no field Nope"):
            org.remove_field("Account", "Nope")
        with pytest.raises(SchemaError, match="is not computed"):
            org.change_formula("Account", "Name", "1")
        with pytest.raises(SchemaError, match="Days_To_Renewal__c"):
            org.change_formula("Subscription__c", "Days_To_Renewal__c", "{row}.nothing")

        assert org.field("Account", "New__c") is None
        assert rows(org, "SELECT Days_To_Renewal__c FROM Subscription__c LIMIT 1")
