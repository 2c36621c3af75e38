from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectContract, ObjectDescription
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.warehouse_elt import (
    FieldChoice,
    column_name,
    decide_window,
    make_contract,
    table_name,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def described(*extra: DescribedField, without: tuple[str, ...] = ()) -> ObjectDescription:
    fields = (
        DescribedField("Id", FieldKind.TEXT, length=18, nullable=False),
        DescribedField("Name", FieldKind.TEXT, length=255),
        DescribedField("Email", FieldKind.TEXT, length=80),
        DescribedField("Amount", FieldKind.DECIMAL, precision=18, scale=2),
        DescribedField("BillingAddress", FieldKind.UNREADABLE, source_type="address"),
        DescribedField("LastViewedDate", FieldKind.TIMESTAMP),
        DescribedField("CreatedDate", FieldKind.TIMESTAMP),
        DescribedField("LastModifiedDate", FieldKind.TIMESTAMP),
        DescribedField("SystemModstamp", FieldKind.TIMESTAMP),
        DescribedField("IsDeleted", FieldKind.BOOLEAN),
        *extra,
    )
    return ObjectDescription("Account", tuple(f for f in fields if f.name not in without))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("AnnualRevenue", "annual_revenue"),
        ("Product2", "product_2"),
        ("Product2Id", "product_2_id"),
        ("My_Field__c", "my_field_c"),
        ("ERP_Customer__c", "erp_customer_c"),
        ("NS__Field__c", "ns_field_c"),
        ("Id", "id"),
        ("SicDesc", "sic_desc"),
        ("Loc__Latitude__s", "loc_latitude_s"),
    ],
)
def test_column_names_follow_the_convention(name: str, column: str) -> None:
    assert column_name(name) == column
    assert table_name(name) == column.upper()


def test_a_contract_takes_every_field_that_can_be_read_and_means_something() -> None:
    contract = make_contract("salesforce", described(), FieldChoice())

    assert "BillingAddress" not in [f.name for f in contract.fields]
    assert "LastViewedDate" not in [f.name for f in contract.fields]
    assert (contract.key, contract.cursor, contract.deleted_flag) == ("Id", "SystemModstamp", "IsDeleted")


@pytest.mark.parametrize(
    ("without", "cursor"),
    [
        ((), "SystemModstamp"),
        (("SystemModstamp",), "LastModifiedDate"),
        (("SystemModstamp", "LastModifiedDate"), "CreatedDate"),
        (("SystemModstamp", "LastModifiedDate", "CreatedDate"), None),
    ],
)
def test_the_cursor_is_the_best_one_the_object_has(without: tuple[str, ...], cursor: str | None) -> None:
    assert make_contract("salesforce", described(without=without), FieldChoice()).cursor == cursor


def test_the_key_cursor_and_deleted_flag_stay_whatever_settings_include() -> None:
    contract = make_contract("salesforce", described(), FieldChoice(include=("Name",)))

    assert [f.name for f in contract.fields] == ["Id", "Name", "SystemModstamp", "IsDeleted"]


def test_a_hashed_field_travels_as_text_of_64_digits() -> None:
    contract = make_contract("salesforce", described(), FieldChoice(hashed=("amount",), hash_key="k1"))

    field = next(f for f in contract.fields if f.name == "Amount")
    assert (field.kind, field.length, field.hashed) == (FieldKind.TEXT, 64, True)
    assert (field.hashed_from, field.hash_key) == (FieldKind.DECIMAL, "k1")
    assert ObjectContract.from_json(json.loads(json.dumps(contract.to_json()))) == contract


def test_another_hash_key_is_another_schema() -> None:
    one, other = (
        make_contract("salesforce", described(), FieldChoice(hashed=("Amount",), hash_key=key)) for key in ("k1", "k2")
    )

    assert one.fingerprint != other.fingerprint


def test_a_hashed_field_without_a_key_is_for_a_person() -> None:
    with pytest.raises(FixSettings, match=r"Amount is to be hashed, but there is no key.*connection crm_keys"):
        make_contract("salesforce", described(), FieldChoice(hashed=("Amount",)))


def test_a_blocked_field_is_not_agreed_even_where_settings_include_it() -> None:
    contract = make_contract("salesforce", described(), FieldChoice(include=("Name", "Amount"), blocked=("AMOUNT",)))

    assert [f.name for f in contract.fields] == ["Id", "Name", "SystemModstamp", "IsDeleted"]


@pytest.mark.parametrize("role", ["Id", "systemmodstamp", "IsDeleted"])
def test_what_tells_records_apart_is_neither_hashed_nor_blocked(role: str) -> None:
    for choice in (FieldChoice(hashed=(role,), hash_key="k1"), FieldChoice(blocked=(role,))):
        with pytest.raises(FixSettings, match=f"{role} of .* cannot be hashed or blocked"):
            make_contract("salesforce", described(), choice)


def test_a_misspelt_blocked_field_stops_and_one_that_is_gone_does_not() -> None:
    with pytest.raises(FixSettings, match=r"block: no field Amuont \(did you mean Amount\?\)"):
        make_contract("salesforce", described(), FieldChoice(blocked=("Amuont",)))
    with pytest.raises(FixSettings, match="block: BillingAddress is made of other fields"):
        make_contract("salesforce", described(), FieldChoice(blocked=("BillingAddress",)))

    assert make_contract("salesforce", described(), FieldChoice(blocked=("Xyz__c",))).key == "Id"


def test_settings_that_do_not_fit_are_all_named_with_the_near_miss() -> None:
    choice = FieldChoice(include=("Nmae",), hashed=("BillingAddress",), cursor="Name", hash_key="k1")

    with pytest.raises(FixSettings) as caught:
        make_contract("salesforce", described(), choice)

    assert "no field Nmae (did you mean Name?)" in str(caught.value)
    assert "BillingAddress is of type address" in str(caught.value)
    assert "Name is not a date-time" in str(caught.value)


def test_excluding_a_field_that_is_gone_is_no_mistake() -> None:
    assert make_contract("salesforce", described(), FieldChoice(exclude=("Gone__c",))).key == "Id"


def test_two_fields_of_one_column_name_keep_apart() -> None:
    twins = (DescribedField("MyField__c", FieldKind.TEXT), DescribedField("My_Field__c", FieldKind.TEXT))

    columns = [f.column for f in make_contract("salesforce", described(*twins), FieldChoice()).fields]

    assert len(columns) == len(set(columns))
    assert "my_field_c" in columns


def test_the_fingerprint_changes_with_a_type_and_not_with_a_picklist_value() -> None:
    def contract_with(field: DescribedField) -> str:
        return make_contract("salesforce", described(field), FieldChoice()).fingerprint

    stage = DescribedField("Stage", FieldKind.TEXT, length=40, values=("New",), values_restricted=True)
    grown = DescribedField("Stage", FieldKind.TEXT, length=40, values=("New", "Won"), values_restricted=True)
    widened = DescribedField("Stage", FieldKind.TEXT, length=80, values=("New",), values_restricted=True)

    assert contract_with(stage) == contract_with(grown)
    assert contract_with(stage) != contract_with(widened)


def test_the_first_run_reads_from_the_beginning_of_time() -> None:
    window = decide_window(WindowKind.INCREMENTAL, horizon=NOW, watermark=None, overlap=HOUR)

    assert (window.start, window.end) == (None, NOW)


def test_a_later_run_reads_back_into_the_window_before() -> None:
    window = decide_window(WindowKind.INCREMENTAL, horizon=NOW, watermark=NOW - 2 * HOUR, overlap=HOUR)

    assert (window.start, window.end) == (NOW - 3 * HOUR, NOW)


def test_a_source_clock_that_went_back_does_not_take_the_watermark_along() -> None:
    window = decide_window(WindowKind.INCREMENTAL, horizon=NOW - HOUR, watermark=NOW, overlap=HOUR)

    assert window.end == NOW


def test_a_backfill_reads_exactly_its_interval_up_to_the_horizon() -> None:
    day = (NOW - 48 * HOUR, NOW - 24 * HOUR)
    today = (NOW - HOUR, NOW + 23 * HOUR)
    ahead = (NOW + HOUR, NOW + 2 * HOUR)

    def window(interval: tuple[datetime, datetime]) -> tuple[datetime | None, datetime]:
        found = decide_window(WindowKind.BACKFILL, horizon=NOW, watermark=NOW, overlap=HOUR, interval=interval)
        return found.start, found.end

    assert window(day) == day
    assert window(today) == (NOW - HOUR, NOW)
    assert window(ahead) == (NOW + HOUR, NOW + HOUR)


def test_a_backfill_without_an_interval_is_refused() -> None:
    with pytest.raises(FixSettings, match="no data interval"):
        decide_window(WindowKind.BACKFILL, horizon=NOW, watermark=None, overlap=HOUR)
