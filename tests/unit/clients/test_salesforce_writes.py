"""What is decided before Salesforce is asked to write, and what its words on a row mean."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from crm_patterns.clients.salesforce import soql
from crm_patterns.clients.salesforce.ingest_csv import Matcher, fits_a_cell, read_results, uploads
from crm_patterns.clients.salesforce.ingest_jobs import next_wait_s
from crm_patterns.clients.salesforce.locks import by_parent, next_try
from crm_patterns.clients.salesforce.operations import Operation, Verb, key_twice, operations
from crm_patterns.clients.salesforce.people import People
from crm_patterns.clients.salesforce.row_answers import RowProblem, of_bulk, of_collection, refusal
from crm_patterns.clients.salesforce.target_wire import json_record, read_sobject
from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.ports import Answer
from crm_patterns.core.targets import TargetDescription
from crm_patterns.core.values import Value

LEAD = read_sobject(
    {
        "name": "Lead",
        "keyPrefix": "00Q",
        "fields": [
            {"name": "Id", "type": "id", "nillable": False, "defaultedOnCreate": True},
            {"name": "LastName", "type": "string", "length": 80, "nillable": False, "createable": True},
            {"name": "Company", "type": "string", "length": 255, "nillable": False, "createable": True},
            {"name": "Email", "type": "email", "length": 80, "createable": True, "idLookup": True},
            {"name": "Ext__c", "type": "string", "length": 40, "createable": True, "externalId": True, "unique": True},
            {"name": "DoNotCall", "type": "boolean", "nillable": False, "createable": True, "updateable": True},
            {"name": "OwnerId", "type": "reference", "nillable": False, "defaultedOnCreate": True, "createable": True},
            {
                "name": "Tier__c", "type": "picklist", "createable": True, "restrictedPicklist": True,
                "picklistValues": [{"value": "Gold", "active": True}, {"value": "Tin", "active": False}],
            },
        ],
    }
)  # fmt: skip
CONTACT = read_sobject(
    {
        "name": "Contact",
        "keyPrefix": "003",
        "fields": [
            {"name": "LastName", "type": "string", "length": 40, "nillable": False, "createable": True},
            {"name": "Birthdate", "type": "date", "createable": True, "updateable": True},
            {"name": "AccountId", "type": "reference", "nillable": False, "createable": True},
            {
                "name": "Tier__c", "type": "picklist", "createable": True, "restrictedPicklist": True,
                "picklistValues": [{"value": "Iron", "active": True}],
            },
        ],
    }
)  # fmt: skip


def change(key: str, *, action: Action = Action.UPDATE, group: str = "", lookup: str = "", **values: Value) -> Change:
    fields = tuple(FieldChange(name, None, value) for name, value in values.items())
    record_id = "" if action is Action.CREATE else key
    return Change(
        "salesforce", "Lead", action, key, record_id, fields, lookup=("ext__C", lookup) if lookup else None, group=group
    )


def sizes(pieces: Sequence[Sequence[Change]]) -> list[int]:
    return [len(piece) for piece in pieces]


# --- locks ------------------------------------------------------------------------------------------------------------


def test_rows_of_a_parent_travel_together_unless_they_are_too_many() -> None:
    rows = [
        change(f"{group}{n}", group=group) for group, number in (("a", 3), ("b", 4), ("c", 11)) for n in range(number)
    ]

    parted = list(by_parent(rows, 5))

    assert [{row.group for row in piece} for piece in parted] == [{"a"}, {"b", "c"}, {"c"}, {"c"}]
    assert sizes(parted) == [3, 5, 5, 5]


def test_rows_without_a_parent_fill_the_pieces() -> None:
    assert sizes(list(by_parent([change(f"{n}") for n in range(11)], 5))) == [5, 5, 1]
    assert list(by_parent([], 5)) == []


def test_what_met_a_lock_is_sent_ever_fewer_at_once_and_at_last_alone() -> None:
    locked = [change(f"{n}", group="a") for n in range(45)]

    steps = []
    sent = 10_000
    while (step := next_try(locked, sent_at_once=sent, calls_left=100)).pieces:
        steps.append((step.at_once, sizes(step.pieces)))
        sent = step.at_once

    assert steps == [(200, [45]), (20, [20, 20, 5]), (1, [1] * 45)]
    assert step.left == tuple(locked)


def test_no_more_calls_are_made_for_locks_than_allowed() -> None:
    locked = [change(f"{n}") for n in range(45)]

    step = next_try(locked, sent_at_once=200, calls_left=2)

    assert (sizes(step.pieces), len(step.left)) == ([20, 20], 5)


# --- operations -------------------------------------------------------------------------------------------------------


def test_a_create_with_an_external_id_is_an_upsert_and_one_with_an_address_is_not() -> None:
    by_key = change("1", action=Action.CREATE, lookup="E-1", LastName="A", Email=None)
    by_mail = Change("salesforce", "Lead", Action.CREATE, "2", lookup=("Email", "a@x.io"))

    planned = list(operations(Action.CREATE, [by_key, by_mail], LEAD))

    assert planned == [(Operation(Verb.INSERT), [by_mail]), (Operation(Verb.UPSERT, "Ext__c"), [by_key])]
    assert planned[1][0].values(by_key) == {"LastName": "A", "Ext__c": "E-1"}


def test_of_two_upserts_of_one_key_the_second_waits() -> None:
    rows = [change(f"{n}", action=Action.CREATE, lookup=key) for n, key in enumerate(("A", "b", "a ", "c"))]

    assert key_twice(Operation(Verb.UPSERT, "Ext__c"), rows) == [rows[2]]
    assert key_twice(Operation(Verb.INSERT), rows) == []


# --- CSV --------------------------------------------------------------------------------------------------------------

UPDATE = Operation(Verb.UPDATE)


def test_a_cell_that_is_empty_leaves_and_one_that_says_so_clears() -> None:
    rows = [change("00Q1", A='x, "y"\n', B=None), change("00Q2", b=Decimal("1.50"), C=True)]

    [upload] = uploads(UPDATE, rows)

    assert upload.content.decode() == (
        '"Id","A","B","C"\n"00Q1","x, ""y""\n","#N/A",""\n"00Q2","","1.5","true"\n'
    )  # fmt: skip


def test_what_a_cell_cannot_say_goes_another_way() -> None:
    assert not fits_a_cell(UPDATE, change("1", A="#N/A"))
    assert not fits_a_cell(UPDATE, change("1", A="x" * 32_001))
    assert fits_a_cell(UPDATE, change("1", A=None, B="x" * 32_000))


def test_uploads_keep_below_the_limit_and_lose_no_row() -> None:
    rows = [change(f"00Q{n}", A="x" * 50) for n in range(20)]

    parts = list(uploads(UPDATE, rows, most_bytes=300))

    assert len(parts) > 3
    assert all(len(part.content) <= 300 for part in parts)
    assert [row for part in parts for row in part.changes] == rows


def test_results_are_matched_whatever_their_order_and_that_of_their_columns() -> None:
    rows = [change("00Q00000000000aEAA", A="1"), change("00Q00000000000AEAQ", A="1")]
    [upload] = uploads(UPDATE, rows)
    matcher = Matcher(UPDATE, upload)
    file = io.BytesIO(
        b'"sf__Id","sf__Error","A","ID"\n"","X:y:--","1","00Q00000000000AEAQ"\n"","X:y:--","1","00Q00000000000a"\n'
    )

    told = list(read_results(file, upload.header, own_columns=2))
    file.seek(0)
    keys = list(read_results(file, upload.header, own_columns=2, only_first=True))

    assert told[0] == ("", "X:y:--", ("00Q00000000000AEAQ", "1"))
    assert [each.row for each in keys] == [("00Q00000000000AEAQ",), ("00Q00000000000a",)]
    assert [matcher.take(each.row) for each in told] == [rows[1], rows[0]]
    assert matcher.left() == []


def test_an_insert_is_known_by_all_of_its_cells_and_taken_once() -> None:
    insert = Operation(Verb.INSERT)
    rows = [change(f"{n}", action=Action.CREATE, A=value) for n, value in enumerate("xyx")]
    [upload] = uploads(insert, rows)
    matcher = Matcher(insert, upload)

    taken = [matcher.take((value,)) for value in ("x", "y", "x", "x")]

    assert [each and each.key for each in taken] == ["2", "1", "0", None]


# --- values and statements --------------------------------------------------------------------------------------------


def test_a_record_of_a_collection_has_all_its_digits() -> None:
    values: dict[str, Value] = {
        "N": Decimal("12345678901234567.89"), "At": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))),
        "On": date(2026, 1, 2), "Blank": " ", "T": 'ü"', "Yes": True,
    }  # fmt: skip

    assert json_record(values, object_name="Lead", record_id="00Q1") == (
        '{"attributes":{"type":"Lead"},"Id":"00Q1","N":12345678901234567.89,"At":"2026-01-02T02:00:00.000Z",'
        '"On":"2026-01-02","Blank":null,"T":"ü\\"","Yes":true}'
    )


def test_a_statement_by_values_is_escaped_and_cut_by_its_length() -> None:
    [odd] = soql.by_value("Lead", ["Id"], "Email", ["o'x\\\n"], also="IsConverted = false")
    many = list(soql.by_value("Lead", ["Id"], "Email", [f"{'ü' * 100}{n}" for n in range(50)]))

    assert odd == r"SELECT Id FROM Lead WHERE Email IN ('o\'x\\\n') AND IsConverted = false"
    assert len(many) > 1
    assert all(len(soql.quote(text, safe="")) <= soql.LONGEST_STATEMENT for text in many)
    assert sum(text.count("ü" * 100) for text in many) == 50
    assert list(soql.by_value("Lead", ["Id"], "Email", [])) == []


@pytest.mark.parametrize(
    ("elapsed_s", "processed", "expected"),
    [(0.0, 0, 1.0), (2.0, 0, 4.0), (2.0, 20_000, 8.0), (5.0, 99_999, 0.5), (10.0, 1, 60.0)],
)
def test_a_job_is_looked_at_again_when_it_may_be_done(elapsed_s: float, processed: int, expected: float) -> None:
    assert next_wait_s(elapsed_s, processed, 100_000) == pytest.approx(expected)


# --- words on a row ---------------------------------------------------------------------------------------------------


def test_the_text_of_a_failed_row_is_read_to_its_last_colon() -> None:
    told = of_bulk('FIELD_CUSTOM_VALIDATION_EXCEPTION:Say: "why"\nand when:Reason__c,Other__c --')

    assert told == RowProblem("FIELD_CUSTOM_VALIDATION_EXCEPTION", 'Say: "why"\nand when', "Reason__c")
    assert of_bulk("UNABLE_TO_LOCK_ROW:held:--") == RowProblem("UNABLE_TO_LOCK_ROW", "held", "")
    assert of_bulk("SOMETHING:odd").code == "SOMETHING"


def test_a_lock_that_a_trigger_met_is_a_lock() -> None:
    text = "T: execution of AfterUpdate caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
    wrapped = {"errors": [{"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": text, "fields": []}]}
    broken = {"errors": [{"statusCode": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "T: null pointer"}]}

    answers = [refusal(change("1"), of_collection(each), LEAD.description) for each in (wrapped, broken)]

    assert [(each.answer, each.rule) for each in answers] == [
        (Answer.LATER, "UNABLE_TO_LOCK_ROW"),
        (Answer.REJECTED, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    ]


def test_deleting_what_is_deleted_is_done_and_editing_it_is_not() -> None:
    gone = RowProblem("ENTITY_IS_DELETED", "entity is deleted")

    assert refusal(change("1", action=Action.DELETE), gone, LEAD.description).answer is Answer.ACCEPTED
    assert refusal(change("1"), gone, LEAD.description).answer is Answer.REJECTED


# --- descriptions -----------------------------------------------------------------------------------------------------


def test_what_is_required_and_unique_is_read_from_describe() -> None:
    known = LEAD.description.by_name

    assert {name for name, field in known.items() if field.required} == {"lastname", "company"}
    assert {name for name, field in known.items() if field.unique} == {"id", "ext__c"}
    assert known["tier__c"].values == ("Gold",)
    assert LEAD.keys == {"ext__c"}


def test_a_person_takes_what_both_kinds_take_and_needs_what_a_lead_needs() -> None:
    person: TargetDescription = People(LEAD, CONTACT).description()
    known = person.by_name

    assert {name for name, field in known.items() if field.required} == {"lastname", "company"}
    assert person.not_on_new == {"Birthdate", "AccountId"}
    assert known["lastname"].length == 40
    assert known["tier__c"].values == ("Gold", "Iron")
