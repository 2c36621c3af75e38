"""Which fields are refreshed follows from the description, a list of known ones, and settings."""

from __future__ import annotations

from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectDescription
from crm_patterns.patterns.computed_fields import computed_names, refresh_contract, unknown_names
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract

DESCRIPTION = ObjectDescription(
    "Opportunity",
    (
        DescribedField("Id", FieldKind.TEXT, length=18, nullable=False),
        DescribedField("Name", FieldKind.TEXT, length=120),
        DescribedField("Score__c", FieldKind.INTEGER),
        DescribedField("Margin__c", FieldKind.DECIMAL, precision=18, scale=2, computed=True),
        DescribedField("HasOpenActivity", FieldKind.BOOLEAN),
        DescribedField("LastActivityDate", FieldKind.DATE),
        DescribedField("IsDeleted", FieldKind.BOOLEAN, nullable=False),
        DescribedField("SystemModstamp", FieldKind.TIMESTAMP, nullable=False, computed=True),
    ),
)


def test_described_known_and_named_fields_are_computed() -> None:
    assert computed_names(DESCRIPTION, ["score__c"]) == {
        "Margin__c", "HasOpenActivity", "LastActivityDate", "Score__c", "SystemModstamp",
    }  # fmt: skip
    assert "Score__c" not in computed_names(DESCRIPTION)


def test_a_refresh_reads_key_stamp_and_computed_fields_and_nothing_else() -> None:
    contract = refresh_contract(make_contract("salesforce", DESCRIPTION, FieldChoice(exclude=("HasOpenActivity",))))

    assert contract is not None
    assert [field.name for field in contract.fields] == ["Id", "Margin__c", "LastActivityDate", "SystemModstamp"]
    assert [field.name for field in contract.fields if field.computed] == ["Margin__c", "LastActivityDate"]


def test_an_object_without_computed_fields_needs_no_refresh() -> None:
    plain = ObjectDescription("Pricebook2", (DESCRIPTION.fields[0], DESCRIPTION.fields[1], DESCRIPTION.fields[-1]))

    assert refresh_contract(make_contract("salesforce", plain, FieldChoice())) is None


def test_a_name_of_settings_that_is_no_field_any_more_stops_nothing_and_is_told() -> None:
    assert unknown_names(DESCRIPTION, ["Gone__c", "NAME"]) == ("Gone__c",)
    assert refresh_contract(make_contract("salesforce", DESCRIPTION, FieldChoice(refresh=("Gone__c",)))) is not None


def test_whether_a_field_is_computed_does_not_change_the_contracts_fingerprint() -> None:
    named = make_contract("salesforce", DESCRIPTION, FieldChoice(refresh=("Name",)))

    assert named.fingerprint == make_contract("salesforce", DESCRIPTION, FieldChoice()).fingerprint
