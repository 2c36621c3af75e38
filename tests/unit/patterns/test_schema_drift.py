"""Every way in which an object's fields can change, and what is decided about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectDescription
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.schema_changes import ChangeKind, FieldStatus, KnownSchema, SchemaPlan, Severity
from crm_patterns.patterns.schema_drift import Decision, decide, in_known_columns, vanished
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract

ROLES = (
    DescribedField("Id", FieldKind.TEXT, length=18, nullable=False, source_type="id"),
    DescribedField("SystemModstamp", FieldKind.TIMESTAMP, nullable=False, source_type="datetime"),
)
NAME = DescribedField("Name", FieldKind.TEXT, length=80, source_type="string", label="Account Name")
AMOUNT = DescribedField("Amount__c", FieldKind.DECIMAL, precision=18, scale=2, source_type="currency", label="Amount")
EVERYTHING = FieldChoice()
STAGE = DescribedField("Stage__c", FieldKind.TEXT, length=40, source_type="picklist", values=("New", "Won"))


def account(*fields: DescribedField) -> ObjectDescription:
    return ObjectDescription("Account", (*ROLES, *fields))


def first(*fields: DescribedField, choice: FieldChoice = EVERYTHING) -> KnownSchema:
    """What is known after a first proven run."""
    return decide("salesforce", account(*fields), choice, known=None).plan.known


def later(
    known: KnownSchema, *fields: DescribedField, existing: set[str] | None = None, choice: FieldChoice = EVERYTHING
) -> Decision:
    return decide("salesforce", account(*fields), choice, known=known, existing=existing)


def kinds(decision: Decision) -> list[tuple[ChangeKind, str]]:
    return [(change.kind, change.field) for change in decision.plan.changes]


def column_of(decision: Decision, name: str) -> str:
    return decision.contract.column_of(name)


def test_the_first_run_of_an_object_changes_nothing_and_fills_nothing() -> None:
    decision = decide("salesforce", account(NAME, AMOUNT), FieldChoice(), known=None)

    assert decision.plan.changes == ()
    assert decision.plan.refill == ()
    assert decision.contract.columns == ("id", "system_modstamp", "name", "amount_c")
    assert (decision.plan.base_version, decision.plan.known.version) == (0, 1)


def test_the_same_description_leaves_what_is_known_as_it_is_whatever_its_order() -> None:
    known = first(NAME, AMOUNT, STAGE)

    decision = later(known, STAGE, AMOUNT, NAME)

    assert decision.plan.known is known
    assert (decision.plan.changes, decision.plan.refill) == ((), ())


def test_a_new_field_moves_in_the_same_run_and_is_filled_for_old_rows() -> None:
    decision = later(first(NAME), NAME, AMOUNT)

    assert kinds(decision) == [(ChangeKind.ADDED, "Amount__c")]
    assert decision.plan.refill == ("Amount__c",)
    assert column_of(decision, "Amount__c") == "amount_c"
    assert decision.plan.changes[0].sentence == (
        "Amount__c (currency(18,2)) is new. Column amount_c was added and filled for all rows."
    )


@pytest.mark.parametrize(
    ("existing", "kind", "status"),
    [
        ({"id", "name"}, ChangeKind.REMOVED, FieldStatus.REMOVED),
        ({"id", "name", "amount__c"}, ChangeKind.ACCESS_LOST, FieldStatus.ACCESS_LOST),
        (None, ChangeKind.VANISHED, FieldStatus.VANISHED),
    ],
)
def test_a_field_that_is_gone_leaves_the_contract_and_keeps_its_column(
    existing: set[str] | None, kind: ChangeKind, status: FieldStatus
) -> None:
    known = first(NAME, AMOUNT)

    decision = later(known, NAME, existing=existing)

    assert vanished(known, account(NAME)) == ("Amount__c",)
    assert kinds(decision) == [(kind, "Amount__c")]
    assert decision.plan.changes[0].severity is Severity.HIGH
    assert "amount_c keeps its last values" in decision.plan.changes[0].sentence
    assert not any(field.name == "Amount__c" for field in decision.contract.fields)
    assert decision.plan.known.by_name["amount__c"].status is status
    assert "amount_c" in decision.plan.known.columns
    assert decision.plan.refill == ()


def test_a_field_that_is_gone_is_told_once_and_the_source_is_not_asked_again() -> None:
    known = later(first(NAME, AMOUNT), NAME, existing={"amount__c"}).plan.known

    assert vanished(known, account(NAME)) == ()
    assert later(known, NAME).plan.changes == ()


def test_a_field_that_comes_back_goes_on_in_its_column_and_is_filled_again() -> None:
    known = later(first(NAME, AMOUNT), NAME, existing={"amount__c"}).plan.known

    decision = later(known, NAME, AMOUNT)

    assert kinds(decision) == [(ChangeKind.RETURNED, "Amount__c")]
    assert column_of(decision, "Amount__c") == "amount_c"
    assert decision.plan.refill == ("Amount__c",)


def number(name: str = "Amount__c", *, precision: int, scale: int, source_type: str = "currency") -> DescribedField:
    return replace(AMOUNT, name=name, precision=precision, scale=scale, source_type=source_type)


WHOLE = DescribedField("Amount__c", FieldKind.INTEGER, source_type="int", label="Amount")
TEXT = DescribedField("Amount__c", FieldKind.TEXT, length=30, source_type="string", label="Amount")
DAY = DescribedField("Amount__c", FieldKind.DATE, source_type="date", label="Amount")
MOMENT = DescribedField("Amount__c", FieldKind.TIMESTAMP, source_type="datetime", label="Amount")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AMOUNT, number(precision=20, scale=2)),  # NUMBER(18,2) → NUMBER(20,2)
        (AMOUNT, number(precision=10, scale=0)),  # fewer decimal places
        (AMOUNT, WHOLE),
        (WHOLE, number(precision=18, scale=0, source_type="double")),
        (number(precision=18, scale=0), WHOLE),
        (TEXT, replace(TEXT, length=255)),
        (TEXT, replace(TEXT, source_type="picklist", values=("a",))),
    ],
)
def test_a_type_that_the_column_holds_without_loss_keeps_its_column(
    before: DescribedField, after: DescribedField
) -> None:
    decision = later(first(before), after)

    assert column_of(decision, "Amount__c") == "amount_c"
    assert ChangeKind.WIDENED in {change.kind for change in decision.plan.changes}
    assert {change.severity for change in decision.plan.changes} == {Severity.LOW}
    assert decision.plan.refill == ()


def test_fewer_decimal_places_are_moved_with_those_of_the_column() -> None:
    field = later(first(AMOUNT), WHOLE).contract.fields[-1]

    assert (field.kind, field.precision, field.scale) == (FieldKind.DECIMAL, 21, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (AMOUNT, number(precision=18, scale=4)),  # Snowflake cannot change decimal places
        (WHOLE, AMOUNT),
        (number(precision=18, scale=10), number(precision=36, scale=2)),  # 34 digits before the point do not fit
        (AMOUNT, TEXT),
        (TEXT, AMOUNT),
        (DAY, MOMENT),
        (MOMENT, DAY),
    ],
)
def test_a_type_that_would_lose_something_goes_on_in_a_new_column(
    before: DescribedField, after: DescribedField
) -> None:
    decision = later(first(before), after)

    (change,) = [c for c in decision.plan.changes if c.kind is ChangeKind.RETYPED]
    assert column_of(decision, "Amount__c") == "amount_c_v2"
    assert (change.column, change.severity) == ("amount_c_v2", Severity.HIGH)
    assert "amount_c keeps its last values" in change.sentence
    assert decision.plan.refill == ("Amount__c",)
    assert {"amount_c", "amount_c_v2"} <= decision.plan.known.columns


def test_a_field_that_is_retyped_again_gets_the_next_column_and_one_that_goes_back_its_old_one() -> None:
    as_text = later(first(AMOUNT), TEXT)
    as_day = later(as_text.plan.known, DAY)
    back = later(as_day.plan.known, AMOUNT)

    assert column_of(as_day, "Amount__c") == "amount_c_v3"
    assert column_of(back, "Amount__c") == "amount_c"
    assert back.plan.refill == ("Amount__c",)
    assert later(back.plan.known, AMOUNT).plan.changes == ()


def test_a_new_field_never_takes_a_column_that_is_in_use_or_kept() -> None:
    one = DescribedField("My_Field__c", FieldKind.TEXT, length=10, source_type="string", label="One")
    other = DescribedField("MyField__c", FieldKind.TEXT, length=20, source_type="string", label="Other")

    beside = later(first(one), one, other)
    instead = later(first(one), other, existing=set())

    assert column_of(beside, "My_Field__c") == "my_field_c"
    assert column_of(beside, "MyField__c") == column_of(instead, "MyField__c") != "my_field_c"
    assert later(beside.plan.known, other, one).plan.changes == ()


def test_a_version_column_is_no_field_s_own_column() -> None:
    look_alike = DescribedField("Amount_C_v2", FieldKind.TEXT, length=10, source_type="string")

    decision = later(first(AMOUNT, look_alike), TEXT, look_alike)

    assert len(set(decision.contract.columns)) == len(decision.contract.columns)


def test_a_field_that_went_as_a_like_one_came_was_probably_renamed() -> None:
    renamed = replace(AMOUNT, name="Deal_Size__c")

    decision = later(first(NAME, AMOUNT), NAME, renamed, existing=set())

    assert kinds(decision) == [(ChangeKind.RENAMED, "Deal_Size__c")]
    assert decision.plan.changes[0].sentence == (
        "Amount__c was probably renamed to Deal_Size__c: one went, one came, both currency(18,2), both labelled "
        '"Amount". amount_c keeps its last values; deal_size_c was added and filled for all rows.'
    )
    assert decision.plan.refill == ("Deal_Size__c",)
    assert decision.plan.known.by_name["amount__c"].status is FieldStatus.REMOVED


def test_the_same_picklist_values_are_evidence_too() -> None:
    renamed = replace(STAGE, name="Phase__c", label="Phase")

    assert kinds(later(first(STAGE), renamed, existing=set())) == [(ChangeKind.RENAMED, "Phase__c")]


@pytest.mark.parametrize(
    ("came", "existing"),
    [
        ((replace(AMOUNT, name="Other__c", label="Something else"),), set()),  # nothing but the type in common
        ((replace(AMOUNT, name="Other__c", precision=10),), set()),  # another size
        ((replace(AMOUNT, name="One__c"), replace(AMOUNT, name="Two__c")), set()),  # which one?
        ((replace(AMOUNT, name="Other__c"),), {"amount__c"}),  # the old one is still there, hidden
    ],
)
def test_without_evidence_nothing_is_called_a_renaming(came: tuple[DescribedField, ...], existing: set[str]) -> None:
    decision = later(first(AMOUNT), *came, existing=existing)

    assert ChangeKind.RENAMED not in {change.kind for change in decision.plan.changes}
    assert len(decision.plan.changes) == 1 + len(came)


def test_labels_and_picklist_values_are_for_the_record() -> None:
    stage = replace(STAGE, label="Phase", values=("New", "Lost"))

    decision = later(first(STAGE), stage)

    assert kinds(decision) == [(ChangeKind.RELABELLED, "Stage__c"), (ChangeKind.VALUES_CHANGED, "Stage__c")]
    assert {change.severity for change in decision.plan.changes} == {Severity.LOW}
    assert decision.plan.changes[1].sentence == "The picklist Stage__c gained Lost and lost Won."
    assert decision.plan.refill == ()


def test_a_field_that_settings_take_out_keeps_its_values_and_comes_back_filled() -> None:
    out = later(first(NAME, AMOUNT), NAME, AMOUNT, choice=FieldChoice(exclude=("amount__c",)))
    back = later(out.plan.known, NAME, AMOUNT)

    assert kinds(out) == [(ChangeKind.EXCLUDED, "Amount__c")]
    assert kinds(back) == [(ChangeKind.RETURNED, "Amount__c")]
    assert back.plan.refill == ("Amount__c",)


def test_a_field_that_is_hashed_from_now_on_or_with_another_key_is_hashed_for_old_rows_too() -> None:
    hashed = later(first(NAME), NAME, choice=FieldChoice(hashed=("Name",), hash_key="k1"))
    again = later(hashed.plan.known, NAME, choice=FieldChoice(hashed=("Name",), hash_key="k2"))

    for decision, told in ((hashed, "Name is hashed now."), (again, "Name is hashed with another key now.")):
        assert kinds(decision) == [(ChangeKind.HASHING, "Name")]
        assert decision.plan.changes[0].sentence.startswith(told)
        assert decision.plan.refill == ("Name",)
        assert column_of(decision, "Name") == "name"


def test_a_field_that_settings_name_and_that_is_gone_does_not_stop_the_run_but_a_slip_does() -> None:
    choice = FieldChoice(include=("Name", "Amount__c"))
    known = first(NAME, AMOUNT, choice=choice)

    decision = later(known, NAME, choice=choice, existing=set())

    assert kinds(decision) == [(ChangeKind.REMOVED, "Amount__c")]
    with pytest.raises(FixSettings, match="no field Amont__c"):
        later(known, NAME, choice=FieldChoice(include=("Name", "Amont__c")))


def test_a_type_that_cannot_be_moved_keeps_the_column() -> None:
    compound = DescribedField("Amount__c", FieldKind.UNREADABLE, source_type="location")

    assert kinds(later(first(NAME, AMOUNT), NAME, compound)) == [(ChangeKind.UNREADABLE, "Amount__c")]


def test_names_are_compared_without_regard_to_case() -> None:
    assert later(first(AMOUNT), replace(AMOUNT, name="AMOUNT__C")).plan.changes == ()


def test_every_run_that_meets_a_change_gives_it_the_same_id_and_the_next_change_another() -> None:
    known = first(NAME)
    added, again = later(known, NAME, AMOUNT), later(known, NAME, AMOUNT)
    gone = later(added.plan.known, NAME, existing=set())
    added_again = later(gone.plan.known, NAME, AMOUNT)

    ids = [d.plan.changes[0].change_id for d in (added, again, gone, added_again)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_between_windows_fields_are_met_in_the_columns_they_have() -> None:
    known = later(first(NAME, AMOUNT), NAME, TEXT).plan.known
    contract = make_contract("salesforce", account(NAME, TEXT, STAGE), EVERYTHING)
    retyped = make_contract("salesforce", account(NAME, DAY), EVERYTHING)

    assert in_known_columns(contract, known).columns == ("id", "system_modstamp", "name", "amount_c_v2")
    assert in_known_columns(retyped, known).columns == ("id", "system_modstamp", "name")
    assert in_known_columns(contract, None) == contract


def test_a_plan_survives_being_written_down() -> None:
    plan = later(first(NAME, AMOUNT, STAGE), TEXT, replace(STAGE, name="Phase__c"), existing={"name"}).plan

    assert SchemaPlan.from_json(plan.to_json()) == plan
