"""The translations that ship are whole and say the same in both directions; mistakes are named by their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.mapping import Untranslatable
from crm_patterns.translations import Translations, load_translations

SHIPPED = load_translations(Path(__file__).parents[2] / "include" / "config" / "translations.yaml")


@pytest.mark.parametrize("table", SHIPPED.tables)
def test_what_one_system_writes_another_understands_and_gives_back(table: str) -> None:
    systems = {system: SHIPPED.picklist(table, system) for system in SHIPPED.tables[table].systems}

    for one in systems.values():
        for native, meaning in one.rows:
            assert one.to_canonical(native.upper()) == meaning
            for other in systems.values():
                try:
                    written = other.to_native(meaning, present=None)
                except Untranslatable:
                    assert meaning in other.not_written
                    continue
                assert other.to_canonical(written) == meaning
                assert one.to_native(other.to_canonical(written), present=native) == native


def test_lead_statuses_and_stages_meet_as_the_mapping_says() -> None:
    status, stage = SHIPPED.picklist("lead_status", "hubspot"), SHIPPED.picklist("lifecycle", "hubspot")
    salesforce = SHIPPED.picklist("lead_status", "salesforce")

    assert salesforce.to_native(status.to_canonical("CONNECTED"), present=None) == "Working - Contacted"
    assert status.to_native(salesforce.to_canonical("Open - Not Contacted"), present="attempted_to_contact") == (
        "attempted_to_contact"
    )
    with pytest.raises(Untranslatable):
        salesforce.to_native(status.to_canonical("OPEN_DEAL"), present="Working - Contacted")
    assert SHIPPED.ranks("lifecycle").index("mql") < SHIPPED.ranks("lifecycle").index("customer")
    assert stage.to_canonical("MarketingQualifiedLead") == "mql"


def test_every_country_is_understood_by_code_and_name_and_written_in_one_form() -> None:
    names, codes = SHIPPED.country(as_code=False), SHIPPED.country(as_code=True)

    assert len(SHIPPED.countries) == 249
    for code, country in SHIPPED.countries.items():
        for name in (code, *country.names):
            assert names.to_canonical(name) == codes.to_canonical(name.lower()) == code
        assert (names.to_native(code, present=None), codes.to_native(code, present=None)) == (country.names[0], code)
    assert {codes.to_canonical(name) for name in ("usa", "U.S.", "United States of America")} == {"US"}
    assert codes.to_canonical("no") == "NO"


def test_numbers_are_dialed_as_in_the_country_that_is_named() -> None:
    assert SHIPPED.phone("GB").to_canonical("020 7946 0958") == "+442079460958"
    assert SHIPPED.phone("IT").to_canonical("06 6982 1234") == "+390669821234"
    assert SHIPPED.phone().to_canonical("020 7946 0958") == "020 7946 0958"
    with pytest.raises(FixSettings, match="dialed in AQ"):
        SHIPPED.phone("AQ")


def test_what_is_not_in_the_file_is_named() -> None:
    with pytest.raises(FixSettings, match="no table of translations mood"):
        SHIPPED.picklist("mood", "hubspot")
    with pytest.raises(FixSettings, match="lifecycle know nothing of marketo"):
        SHIPPED.picklist("lifecycle", "marketo")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("tables: {s: {systems: {a: {values: {x: [One], y: [one]}}}}}", "tables.s.systems.a: one has two meanings"),
        ("tables: {s: {systems: {a: {values: {x: []}}}}}", "tables.s.systems.a.values.x"),
        ("tables: {s: {order: [y], systems: {a: {values: {x: [One]}}}}}", "x has no place in the order"),
        ("tables: {s: {systems: {a: {values: {x: [One]}, not_written: [z]}}}}", "z is no meaning"),
        ("countries: {DE: {names: [Germany]}, XX: {names: [germany]}}", "germany is the name of two"),
        ("countries: {Germany: {names: [Germany]}}", "countries.Germany"),
        ("currencies: {}", "currencies"),
        ("tables: [", "not understood"),
    ],
)
def test_each_mistake_is_named_by_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    (tmp_path / "translations.yaml").write_text(text)

    with pytest.raises(FixSettings, match=mistake):
        load_translations(tmp_path / "translations.yaml")


def test_an_empty_file_translates_nothing(tmp_path: Path) -> None:
    (tmp_path / "translations.yaml").write_text("")

    assert load_translations(tmp_path / "translations.yaml") == Translations()
