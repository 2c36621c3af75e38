"""Believable leads for a new instance, most of them people of the Salesforce org of the same seed.

Person number n of the instance is lead number n of that org, with its e-mail address and name, as long as the org has
so many leads (six for every ten opportunities). Every fifth is known to Marketo alone.
"""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import yaml

import sandbox.salesforce
from sandbox.marketo.instance import Instance
from sandbox.marketo.tick import engage, opt_out
from sandbox.salesforce.ids import record_id

YEAR_MS, QUIET_MS = 365 * 86_400_000, 600_000
_ORG = Path(sandbox.salesforce.__file__).parent / "population"
_PEOPLE = """
select n, 'lead' || n || '@' || pick(n, 'domain', ['example.com', 'example.org', 'mail.example.net']),
    chance(n, 'email', 90), maybe(n, 'first', 90, pick(n, 'first', getvariable('first_names'))),
    pick(n, 'last', getvariable('last_names')), maybe(n, 'title', 70, pick(n, 'title', getvariable('titles'))),
    pick(n, 'company', getvariable('companies')) || ' ' || pick(n, 'kind', getvariable('company_kinds')),
    maybe(n, 'phone', 60, phone(n, 'lead')), maybe(n, 'place', 50, pick(n, 'place', getvariable('cities'))),
    maybe(n, 'country', 70, pick(n, 'place', getvariable('countries'))), chance(n, 'no email', 10),
    n % 131 in (129, 130) or below(n, 'gone', 50) = 0
from range(getvariable('count')) as rows(n) order by n
"""
"""The expressions of `salesforce/population/Lead.sql`, which a test compares."""


def populate(instance: Instance, *, size: int, seed: int) -> None:
    """Fill an instance that has no leads yet with `size` of them."""
    if instance.leads.highest_id:
        return
    chance, now = random.Random(seed), instance.clock.now_ms()
    for number, values in enumerate(people(size, seed=seed)):
        created = now - QUIET_MS - YEAR_MS + YEAR_MS * number // max(1, size)
        lead = instance.leads.create(values, source="List import", at_ms=created)
        later = created + chance.randrange(max(1, now - QUIET_MS - created))
        dice = chance.random()
        if dice < 0.05:
            opt_out(instance, lead, at_ms=later)
        elif dice < 0.45:
            engage(instance, chance, lead, at_ms=later)
    instance.keeper.commit()


def people(size: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Values of each lead, by its number."""
    for n, email, has_email, first, last, title, company, phone, city, country, opted_out, is_gone in _org(size, seed):
        values: dict[str, Any] = {
            "firstName": first, "lastName": last, "title": title, "company": company, "phone": phone, "city": city,
            "country": country, "leadScore": n * 7 % 100, "leadSource": "Web" if n % 3 else "Trade Show",
        }  # fmt: skip
        if n % 5 == 4 or not has_email or is_gone:
            values["email"] = f"web{n}@marketo-only.example"
        else:
            values |= {"email": email, "unsubscribed": True if opted_out else None}
            if n % 2:
                values["sfRecordId18"] = record_id("00Q", n)
        if n % 17 == 0:
            values["notes"] = 'He said: "call me", then\nhung up; twice.'
        yield {name: value for name, value in values.items() if value is not None}


def _org(size: int, seed: int) -> list[tuple[Any, ...]]:
    words = yaml.safe_load((_ORG / "words.yaml").read_text(encoding="utf-8"))
    with duckdb.connect() as database:
        database.execute(f"set variable seed = {int(seed)}")
        database.execute(f"set variable count = {int(size)}")
        database.execute("set variable users = ['nobody']")
        database.execute("set variable now = timestamp '2026-01-01'")
        for name, listed in words.items():
            texts = ", ".join(
                str(each) if isinstance(each, int) else "'" + each.replace("'", "''") + "'" for each in listed
            )
            database.execute(f"set variable {name} = [{texts}]")
        for statement in (_ORG / "macros.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                database.execute(statement)
        found: list[tuple[Any, ...]] = database.execute(_PEOPLE).fetchall()
        return found
