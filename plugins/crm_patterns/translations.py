"""How values are said in different systems: `include/config/translations.yaml` as translations of `core.mapping`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.mapping import DialingRules, Phone, Picklist

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]
Texts = Annotated[list[Text], Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SystemValues(_Part):
    """Values of one system by what they mean."""

    values: dict[Text, Texts]
    not_written: list[Text] = []


class Table(_Part):
    """One kind of value, in every system that knows it."""

    order: list[Text] = []
    systems: dict[Text, SystemValues]


class Country(_Part):
    """Names, the first of which is written, and how its numbers are dialed; blank where that is not known."""

    names: Texts
    dials: Digits | None = None
    trunk: Digits | None = None


class Translations(_Part):
    """What a pairing's fields are translated by. Asking for what is not in the file is FixSettings."""

    tables: dict[Text, Table] = {}
    countries: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], Country] = {}

    def picklist(self, table: str, system: str) -> Picklist:
        """The values of a system for one of the tables."""
        found = self._table(table).systems.get(system)
        if found is None:
            raise FixSettings(f"The translations of {table} know nothing of {system}.", fix="Add its values.")
        rows = tuple((value, meaning) for meaning, values in found.values.items() for value in values)
        return Picklist(rows, frozenset(found.not_written))

    def ranks(self, table: str) -> tuple[str, ...]:
        """The meanings in the order in which a record advances."""
        return tuple(self._table(table).order)

    def country(self, *, as_code: bool) -> Picklist:
        """Understands codes (ISO 3166-1 alpha-2) and names; writes the one or the other."""
        rows = []
        for code, country in self.countries.items():
            names = [(name, code) for name in country.names]
            rows += [(code, code), *names] if as_code else [*names, (code, code)]
        return Picklist(tuple(rows))

    def phone(self, home: str = "") -> Phone:
        """A number without a country code is taken for one of `home` (an ISO code); without it, it stays as it is."""
        if not home:
            return Phone()
        country = self.countries.get(home)
        if country is None or country.dials is None:
            raise FixSettings(f"How numbers are dialed in {home} is not known.", fix="Add `dials` to the country.")
        return Phone(DialingRules(country.dials, country.trunk or ""))

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise FixSettings(f"There is no table of translations {name}.", fix=f"There are {', '.join(self.tables)}.")
        return self.tables[name]


def load_translations(path: Path) -> Translations:
    """FixSettings names every mistake with its place in the file."""
    try:
        found = Translations.model_validate(_read(path))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise _wrong(path, told) from error
    if mistakes := list(_mistakes(found)):
        raise _wrong(path, "; ".join(mistakes))
    return found


def _mistakes(found: Translations) -> Iterator[str]:
    for name, table in found.tables.items():
        for system, said in table.systems.items():
            place = f"tables.{name}.systems.{system}"
            yield from (f"{place}: {value} has two meanings" for value in _twice(said.values))
            unknown = [meaning for meaning in said.not_written if meaning not in said.values]
            yield from (f"{place}.not_written: {meaning} is no meaning of its values" for meaning in unknown)
            if table.order:
                out = [meaning for meaning in said.values if meaning not in table.order]
                yield from (f"{place}: {meaning} has no place in the order" for meaning in out)
    names = {code: [code, *country.names] for code, country in found.countries.items()}
    yield from (f"countries: {name} is the name of two" for name in _twice(names))


def _twice(values: Mapping[str, list[str]]) -> list[str]:
    counted = Counter(value.casefold() for some in values.values() for value in {v.casefold() for v in some})
    return sorted(value for value, times in counted.items() if times > 1)


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader) or {}  # noqa: S506 - texts: NO is Norway
    except (OSError, yaml.YAMLError) as error:
        raise _wrong(path, " ".join(str(error).split())) from error


def _wrong(path: Path, problem: str) -> FixSettings:
    return FixSettings(f"The translations in {path} are not understood: {problem}.", fix="Correct that file.")
