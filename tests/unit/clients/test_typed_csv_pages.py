"""CSV bodies become typed pages, and what does not fit is set aside with a reason."""

from __future__ import annotations

import hmac
import traceback
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_patterns.clients import csv_pages
from crm_patterns.clients.csv_pages import DamagedPage, read_pages
from crm_patterns.clients.typing_rows import typed_column
from crm_patterns.core.contracts import ContractField, FieldKind
from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.keys import KeyRing, Purpose
from crm_patterns.core.records import RejectionClass
from tests.unit.clients.samples import body_of, contract_of, csv_text, rows_of

SECRET = "correct horse battery staple, twice over"
RING = KeyRing(Purpose.HASH, [SECRET])
STAMP = "2026-01-31T08:15:30.000Z"
EVERY_KIND = contract_of(
    Name=FieldKind.TEXT,
    IsWon=FieldKind.BOOLEAN,
    Count__c=FieldKind.INTEGER,
    Amount=FieldKind.DECIMAL,
    CloseDate=FieldKind.DATE,
    Opens__c=FieldKind.TIME,
)
HEADER = [field.name for field in EVERY_KIND.fields]


def test_every_kind_arrives_as_its_own_type() -> None:
    row = ["006A", "Zürich", "true", "7", "1.25E8", "2026-01-31", "08:15:30.000Z", STAMP]

    (read,) = rows_of(read_pages(body_of(csv_text(HEADER, [row])), EVERY_KIND))

    assert read == {
        "id": "006A",
        "name": "Zürich",
        "iswon": True,
        "count__c": 7,
        "amount": Decimal("125000000.00"),
        "closedate": date(2026, 1, 31),
        "opens__c": time(8, 15, 30),
        "systemmodstamp": datetime(2026, 1, 31, 8, 15, 30, tzinfo=UTC),
    }


def test_blank_is_null_for_every_kind() -> None:
    (read,) = rows_of(read_pages(body_of(csv_text(HEADER, [[""] * len(HEADER)])), EVERY_KIND))

    assert set(read.values()) == {None}


@pytest.mark.parametrize(
    "text", ["NA", "n/a", "null", "None", "#N/A", "nan", "0000000005", "true", "a\r\nb", 'say "x"', "a\0b", " x "]
)
def test_a_text_stays_what_it_is(text: str) -> None:
    contract = contract_of(Name=FieldKind.TEXT)

    (read,) = rows_of(read_pages(body_of(csv_text(["Id", "Name", "SystemModstamp"], [["1", text, STAMP]])), contract))

    assert read["name"] == text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=30), st.booleans())
def test_any_texts_survive_the_way(texts: list[tuple[str, str]], on_disk: bool) -> None:
    contract = contract_of(Name=FieldKind.TEXT)
    data = csv_text(["Id", "Name", "SystemModstamp"], [[key, name, STAMP] for key, name in texts])

    read = rows_of(read_pages(body_of(data, in_memory_bytes=0 if on_disk else 1 << 20), contract))

    assert [(row["id"], row["name"] or "") for row in read] == texts


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("IsWon", "maybe", "IsWon holds 'maybe', which is neither true nor false."),
        ("Count__c", "7.5", "Count__c holds '7.5', which is not a whole number of at most 64 bits."),
        ("Count__c", "9223372036854775808", "which is not a whole number of at most 64 bits"),
        ("Amount", "12,5", "Amount holds '12,5', which is not a number."),
        ("Amount", "NaN", "which is not a finite number"),
        ("Amount", "1.255", "3 decimal places where the contract allows 2"),
        ("Amount", "1E17", "18 digits before the point where the contract allows 16"),
        ("CloseDate", "31.01.2026", "which is not a date like 2026-01-31"),
        ("Opens__c", "25:00:00.000Z", "which is not a time of day like 08:15:30.000Z"),
        ("SystemModstamp", "2026-01-31T08:15:30", "which is not a date-time like"),
        ("SystemModstamp", "yesterday", "which is not a date-time like"),
    ],
)
def test_a_value_that_does_not_fit_sets_its_row_aside_and_no_other(field: str, value: str, says: str) -> None:
    good = ["1", "fine", "true", "7", "1.50", "2026-01-31", "08:15:30.000Z", STAMP]
    bad = ["2", "not fine", *good[2:]]
    bad[HEADER.index(field)] = value

    pages = list(read_pages(body_of(csv_text(HEADER, [good, bad, ["3", *good[1:]]])), EVERY_KIND))
    (rejected,) = [row for page in pages for row in page.rejected]

    assert [row["id"] for row in rows_of(pages)] == ["1", "3"]
    assert sum(page.read for page in pages) == 3
    assert (rejected.record_key, rejected.field_name, rejected.rejection) == ("2", field, RejectionClass.CONTRACT)
    assert says in rejected.reason
    assert rejected.payload[field] == value
    assert rejected.payload["Name"] == "not fine"


@pytest.mark.parametrize(("text", "number"), [("7.0", 7), ("1E3", 1000), ("+5", 5), ("-3", -3)])
def test_a_whole_number_may_be_written_with_point_or_exponent(text: str, number: int) -> None:
    contract = contract_of(Count__c=FieldKind.INTEGER)

    pages = list(read_pages(body_of(csv_text(["Id", "Count__c", "SystemModstamp"], [["1", text, STAMP]])), contract))

    assert rows_of(pages)[0]["count__c"] == number


def test_text_that_is_not_utf8_sets_its_row_aside() -> None:
    contract = contract_of(Name=FieldKind.TEXT)
    data = b'"Id","Name","SystemModstamp"\n"1","\xff","%s"\n"2","ok","%s"\n' % (STAMP.encode(), STAMP.encode())

    pages = list(read_pages(body_of(data), contract))

    assert [row["id"] for row in rows_of(pages)] == ["2"]
    assert pages[0].rejected[0].reason == "Name is not valid UTF-8 text."


def test_a_misfit_late_in_a_large_body_costs_no_row_before_or_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_pages, "BLOCK_BYTES", 1024)
    contract = contract_of(Amount=FieldKind.DECIMAL)
    rows = [[str(n), "1.5" if n != 700 else "oops", STAMP] for n in range(1000)]

    pages = list(read_pages(body_of(csv_text(["Id", "Amount", "SystemModstamp"], rows)), contract))

    assert [row["id"] for row in rows_of(pages)] == [str(n) for n in range(1000) if n != 700]
    assert [row.record_key for page in pages for row in page.rejected] == ["700"]


def test_a_record_longer_than_a_block_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_pages, "BLOCK_BYTES", 256)
    contract = contract_of(Name=FieldKind.TEXT)
    rows = [["1", "short", STAMP], ["2", "long\n" * 500, STAMP], ["3", "short", STAMP]]

    read = rows_of(read_pages(body_of(csv_text(["Id", "Name", "SystemModstamp"], rows)), contract))

    assert [row["name"] for row in read] == ["short", "long\n" * 500, "short"]


def test_hashed_fields_arrive_keyed_and_never_in_a_payload() -> None:
    email = ContractField("Email", "email", FieldKind.TEXT, hashed=True, hash_key=RING.current)
    contract = contract_of(Email=email, Count__c=FieldKind.INTEGER)
    rows = [["1", "ada@example.com", "1", STAMP], ["2", "", "2", STAMP], ["3", "eve@example.com", "x", STAMP]]

    pages = list(read_pages(body_of(csv_text(["Id", "Email", "Count__c", "SystemModstamp"], rows)), contract, RING))

    keyed = hmac.new(SECRET.encode(), b"ada@example.com", "sha256").hexdigest()
    assert [row["email"] for row in rows_of(pages)] == [keyed, None]
    assert "Email" not in pages[0].rejected[0].payload
    assert "eve@" not in repr(pages[0].rejected)


@pytest.mark.parametrize(
    ("kind", "by_job", "by_rows", "says"),
    [
        (FieldKind.DECIMAL, "1.25E8", "125000000.0", "125000000"),
        (FieldKind.TIMESTAMP, "2026-01-31T08:15:30.000Z", "2026-01-31T08:15:30.000+0000", "2026-01-31 08:15:30+00:00"),
        (FieldKind.BOOLEAN, "true", "true", "true"),
        (FieldKind.DATE, "1984-02-29", "1984-02-29", "1984-02-29"),
        (FieldKind.TIME, "08:15:30.000Z", "08:15:30.000Z", "08:15:30"),
        (FieldKind.INTEGER, "not a number", "not a number", "not a number"),
    ],
)
def test_a_hash_does_not_tell_by_which_interface_the_value_came(
    kind: FieldKind, by_job: str, by_rows: str, says: str
) -> None:
    field = ContractField("X", "x", FieldKind.TEXT, hashed=True, hashed_from=kind, hash_key=RING.current)

    digests, faults = typed_column(field, pa.array([by_job, by_rows]), RING)

    assert faults == {}
    assert digests.to_pylist() == [hmac.new(SECRET.encode(), says.encode(), "sha256").hexdigest()] * 2


def test_a_hash_under_a_key_that_is_gone_is_for_a_person() -> None:
    field = ContractField("Email", "email", FieldKind.TEXT, hashed=True, hash_key="k00000000")

    with pytest.raises(FixSettings, match="hash key k00000000, which Email needs") as told:
        typed_column(field, pa.array(["ada@example.com"]), RING)

    assert RING.current in str(told.value)
    assert SECRET not in str(told.value)


def test_a_row_of_too_many_cells_is_not_quoted() -> None:
    data = csv_text(["Id", "Name", "SystemModstamp"], [["1", "ada@example.com", STAMP, "one too many"]])

    with pytest.raises(DamagedPage, match="expected 3 columns, got 4") as damage:
        list(read_pages(body_of(data), contract_of(Name=FieldKind.TEXT)))

    shown = "".join(traceback.format_exception(damage.value))
    assert "ada@" not in shown


def test_columns_are_matched_by_name_whatever_their_order_and_case() -> None:
    contract = contract_of(Name=FieldKind.TEXT)

    (read,) = rows_of(read_pages(body_of(csv_text(["SYSTEMMODSTAMP", "name", "id"], [[STAMP, "n", "1"]])), contract))

    assert (read["id"], read["name"]) == ("1", "n")
    assert list(read) == ["id", "name", "systemmodstamp"]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (["Id", "SystemModstamp"], "missing Name"),
        (["Id", "Name", "SystemModstamp", "Odd__c"], "unexpected Odd__c"),
        (["Id", "Name", "name", "SystemModstamp"], "one comes twice"),
    ],
)
def test_other_columns_than_agreed_stop_the_run(header: list[str], says: str) -> None:
    data = csv_text(header, [["x"] * len(header)])

    with pytest.raises(StopRun, match=says):
        list(read_pages(body_of(data), contract_of(Name=FieldKind.TEXT)))


@pytest.mark.parametrize("data", [b"", b'"Id","Name","SystemModstamp"\n'])
def test_an_empty_body_and_a_lone_header_hold_no_rows(data: bytes) -> None:
    assert list(read_pages(body_of(data), contract_of(Name=FieldKind.TEXT))) == []


@pytest.mark.parametrize("cut", [1, 3, 30, 45])
def test_a_body_cut_short_is_damaged(cut: int) -> None:
    contract = contract_of(Name=FieldKind.TEXT)
    data = csv_text(["Id", "Name", "SystemModstamp"], [["1", "one", STAMP], ["2", "two", STAMP]])

    with pytest.raises(DamagedPage):
        list(read_pages(body_of(data[:-cut]), contract))


def test_rows_already_given_are_skipped() -> None:
    contract = contract_of(Name=FieldKind.TEXT)
    data = csv_text(["Id", "Name", "SystemModstamp"], [[str(n), "line\nbreak", STAMP] for n in range(10)])

    read = rows_of(read_pages(body_of(data), contract, skip=7))

    assert [row["id"] for row in read] == ["7", "8", "9"]
