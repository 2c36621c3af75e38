"""Translations lose nothing, mean what was meant, and never make two systems correct one another."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crm_patterns.core.mapping import (
    Currency,
    DialingRules,
    Domain,
    Email,
    Flag,
    Number,
    Phone,
    Picklist,
    Plain,
    Several,
    Translation,
    Untranslatable,
)
from crm_patterns.core.values import Value, is_blank

GERMANY, AMERICA, ITALY = DialingRules("49", "0"), DialingRules("1", "1"), DialingRules("39")
STATUS = Picklist(
    (
        ("Open - Not Contacted", "open"),
        ("New", "open"),
        ("Working - Contacted", "working"),
        ("Closed - Converted", "converted"),
    ),
    not_written=frozenset({"converted"}),
)
LEAD_STATUS = Picklist((("NEW", "open"), ("OPEN", "open"), ("IN_PROGRESS", "working"), ("CONNECTED", "working")))
NUMBERS = st.from_regex(r"\+?[0-9()\- /.]{5,18}( ?(x|ext\.?) ?[0-9]{1,4})?", fullmatch=True)
TEXTS = st.text(max_size=20)
TRANSLATIONS: list[tuple[Translation, st.SearchStrategy[Value]]] = [
    (Plain(), TEXTS),
    (Plain(one_line=True), TEXTS),
    (Email(), st.emails() | TEXTS),
    (Domain(), st.sampled_from(["https://www.Acme.com/a?b", "acme.com:80", "Müller.de", "10.0.0.1", "x"]) | TEXTS),
    (STATUS, st.sampled_from(["open - not contacted", "New", "WORKING - CONTACTED", "Closed - Converted", "?"])),
    (LEAD_STATUS, st.sampled_from(["new", "OPEN", "IN_PROGRESS", "CONNECTED", ""])),
    (Several(LEAD_STATUS), st.lists(st.sampled_from(["new", "OPEN", "IN_PROGRESS", " "])).map(";".join)),
    (Phone(), NUMBERS | TEXTS),
    (Phone(GERMANY), NUMBERS | TEXTS),
    (Phone(ITALY), NUMBERS),
    (Number(2), st.decimals(allow_nan=False, allow_infinity=False, places=4) | st.integers() | TEXTS),
    (Flag("true", "false"), st.sampled_from([True, False, None, "Yes", "0", "TRUE", "maybe"])),
    (Currency(), st.sampled_from(["eur", " USD ", "euro", ""])),
]
NATIVE = st.sampled_from(TRANSLATIONS).flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1], pair[1]))


def canonical_of(translation: Translation, native: Value) -> Value:
    try:
        return translation.to_canonical(native)
    except Untranslatable:
        assume(False)
        raise


@given(NATIVE)
def test_what_a_side_holds_and_means_the_same_is_left_as_it_is(drawn: tuple[Translation, Value, Value]) -> None:
    translation, present, _ = drawn
    canonical = canonical_of(translation, present)

    assert is_blank(present) or canonical is None or translation.to_native(canonical, present=present) == present


@given(NATIVE)
def test_what_is_written_means_what_was_meant(drawn: tuple[Translation, Value, Value]) -> None:
    translation, meant, present = drawn
    canonical = canonical_of(translation, meant)

    with contextlib.suppress(Untranslatable):
        assert translation.to_canonical(translation.to_native(canonical, present=present)) == canonical


@given(NATIVE)
def test_a_canonical_value_is_its_own_canonical_value_where_it_is_a_text(
    drawn: tuple[Translation, Value, Value],
) -> None:
    translation, native, _ = drawn
    assume(not isinstance(translation, Picklist | Several))
    canonical = canonical_of(translation, native)

    assert translation.to_canonical(canonical) == canonical


@given(st.lists(st.sampled_from(["left", "right"]), max_size=6), st.sampled_from(["NEW", "OPEN", "CONNECTED"]))
def test_two_systems_with_lists_of_different_length_do_not_correct_one_another(turns: list[str], held: str) -> None:
    left, right = "Open - Not Contacted", held
    history = []

    for turn in turns:
        if turn == "left":
            left = str(STATUS.to_native(LEAD_STATUS.to_canonical(right), present=left))
        else:
            right = str(LEAD_STATUS.to_native(STATUS.to_canonical(left), present=right))
        history.append((left, right))

    assert len(set(history)) <= 1


@pytest.mark.parametrize(
    ("rules", "written", "canonical"),
    [
        (GERMANY, "030 / 123 45-67", "+49301234567"),
        (GERMANY, "+49 (0)30 1234567", "+49301234567"),
        (GERMANY, "0049 30 1234567", "+49301234567"),
        (GERMANY, "+1 (415) 555-0101 ext. 22", "+14155550101;ext=22"),
        (AMERICA, "(415) 555-0101", "+14155550101"),
        (AMERICA, "1-415-555-0101 x9", "+14155550101;ext=9"),
        (ITALY, "06 1234567", "+39061234567"),
        (None, "030 1234567", "030 1234567"),
        (GERMANY, "call  Bob", "call Bob"),
        (GERMANY, "+49 30 123456789012345", "+49 30 123456789012345"),
        (GERMANY, "  ", None),
    ],
)
def test_phone_numbers_are_said_in_one_form(rules: DialingRules | None, written: str, canonical: str | None) -> None:
    assert Phone(rules).to_canonical(written) == canonical


def test_a_value_without_a_translation_names_the_ones_there_are() -> None:
    with pytest.raises(Untranslatable) as unknown:
        LEAD_STATUS.to_canonical("SNOOZED")
    with pytest.raises(Untranslatable) as closed:
        STATUS.to_native("converted", present="New")

    assert unknown.value.allowed == ("NEW", "OPEN", "IN_PROGRESS", "CONNECTED")
    assert closed.value.allowed == ("open", "working")
    assert STATUS.to_native("converted", present="closed - converted") == "closed - converted"


def test_a_blank_flag_is_not_false_and_money_is_rounded_half_up() -> None:
    assert Flag().to_canonical("") is None
    assert Flag(yes="1", no="2").to_canonical("2") is False
    assert Number(2).to_canonical("1.005") == Decimal("1.01")
    with pytest.raises(Untranslatable):
        Number(2).to_canonical("a lot")
