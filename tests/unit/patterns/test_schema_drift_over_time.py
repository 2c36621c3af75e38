"""However an object's fields come, go and change, in any order: no column is lost, shared, or given another type."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_patterns.core.contracts import DescribedField, FieldKind, ObjectDescription
from crm_patterns.core.schema_changes import ColumnShape, FieldStatus, KnownSchema
from crm_patterns.patterns.schema_drift import decide, holds
from crm_patterns.patterns.warehouse_elt import FieldChoice
from crm_patterns.warehouse.dialects.snowflake import column_type

NAMES = ("Amount__c", "MyField__c", "My_Field__c", "my_field__C2", "Amount2", "Amount_v2__c")
ID = DescribedField("Id", FieldKind.TEXT, length=18, source_type="id")
TEXTS = st.builds(lambda n: (FieldKind.TEXT, n, None, None, "string"), st.sampled_from([10, 255]))
NUMBERS = st.builds(
    lambda whole, scale: (FieldKind.DECIMAL, None, whole + scale, scale, "double"),
    st.integers(1, 18),
    st.integers(0, 17),
)
PLAIN = st.sampled_from(
    [FieldKind.INTEGER, FieldKind.DATE, FieldKind.TIMESTAMP, FieldKind.BOOLEAN, FieldKind.UNREADABLE]
)
SHAPES = st.one_of(TEXTS, NUMBERS, st.builds(lambda kind: (kind, None, None, None, kind.value), PLAIN))


@st.composite
def descriptions(draw: st.DrawFn) -> ObjectDescription:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique_by=str.lower))
    fields = []
    for name in chosen:
        kind, length, precision, scale, source_type = draw(SHAPES)
        label = draw(st.sampled_from(["One", "Two"]))
        fields.append(
            DescribedField(
                name, kind, length=length, precision=precision, scale=scale, label=label, source_type=source_type
            )
        )
    return ObjectDescription("Account", (ID, *draw(st.permutations(fields))))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(descriptions(), st.none() | st.sets(st.sampled_from([n.lower() for n in NAMES]))), min_size=1)
)
def test_columns_last_and_keep_their_types(
    history: list[tuple[ObjectDescription, set[str] | None]],
) -> None:
    known: KnownSchema | None = None
    types: dict[str, str] = {}
    owners: dict[str, str] = {}
    filled: set[str] = set()
    for description, existing in history:
        before = known
        decision = decide("salesforce", description, FieldChoice(), known=known, existing=existing)
        contract, plan = decision.contract, decision.plan

        assert len(set(contract.columns)) == len(contract.columns)
        for field in contract.fields:
            assert types.setdefault(field.column, column_type(field)) == column_type(field)
            assert owners.setdefault(field.column, field.name.lower()) == field.name.lower()
        assert before is None or before.columns <= plan.known.columns
        read = {f.column for f in contract.fields}
        refilled = {contract.column_of(name) for name in plan.refill}
        assert before is None or read <= filled | refilled  # a column that is read holds values for every row
        assert all(change.change_id and change.sentence for change in plan.changes)
        assert len({c.change_id for c in plan.changes}) == len(plan.changes)
        filled = read
        known = plan.known
    assert known is not None
    assert {f.name for f in known.fields if f.status is FieldStatus.READ} == {f.name for f in contract.fields}


@given(NUMBERS, NUMBERS)
def test_a_column_that_holds_a_number_holds_each_of_its_digits(old: tuple, new: tuple) -> None:  # type: ignore[type-arg]
    from crm_patterns.core.contracts import ContractField

    shape = ColumnShape("amount_c", FieldKind.DECIMAL, old[3])
    field = ContractField("Amount__c", "amount_c", new[0], precision=new[2], scale=new[3])

    fits = holds(shape, field)

    if fits is None:
        assert new[3] > old[3] or (new[2] - new[3]) > 38 - old[3]
    else:
        assert column_type(fits) == f"NUMBER(38,{old[3]})"
        assert fits.precision is not None
        assert fits.scale is not None
        assert fits.precision - fits.scale >= new[2] - new[3]
        assert fits.scale >= new[3]
