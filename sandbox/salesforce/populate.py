"""Fill an empty org with believable records: one SQL file per object in `population/`, everything made inside DuckDB.

Deterministic: the same seed, size and moment give the same records (within one version of DuckDB, whose hash is used).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import yaml

from sandbox.salesforce.ids import CAPACITY, record_id
from sandbox.salesforce.store import Org

FOLDER = Path(__file__).parent / "population"
NEEDS: dict[str, tuple[str, ...]] = {
    "UserRole": (),
    "User": ("UserRole",),
    "TaskStatus": (),
    "Account": ("User",),
    "Contact": ("Account",),
    "Campaign": ("User",),
    "Product2": ("User",),
    "Pricebook2": ("User",),
    "PricebookEntry": ("Product2", "Pricebook2"),
    "Opportunity": ("Account", "Campaign", "Pricebook2"),
    "OpportunityLineItem": ("Opportunity", "PricebookEntry"),
    "OpportunityHistory": ("Opportunity",),
    "OpportunityFieldHistory": ("Opportunity",),
    "Lead": ("Contact", "Opportunity"),
    "Quote": ("Opportunity",),
    "QuoteLineItem": ("Quote", "PricebookEntry"),
    "Order": ("Opportunity",),
    "OrderItem": ("Order", "PricebookEntry"),
    "Subscription__c": ("Account", "Opportunity"),
    "Task": ("Contact", "Opportunity", "Lead"),
    "Event": ("Contact", "Opportunity"),
    "EmailMessage": ("Contact", "Opportunity"),
    "CampaignMember": ("Campaign", "Lead", "Contact"),
}
"""Every object in the order in which it is filled, with the objects that its rows are made from."""

SHARES = {"Account": 0.3, "Contact": 0.8, "Campaign": 0.01, "Product2": 0.005, "Lead": 0.6, "Quote": 0.25, "Order": 0.1,
          "Subscription__c": 0.2, "Task": 2.0, "Event": 0.5, "EmailMessage": 0.8, "CampaignMember": 1.0,
          "User": 0.005}  # fmt: skip
"""Rows per Opportunity. Objects that are not named here follow from their parents."""

LEAST = {"User": 12, "UserRole": 7, "Account": 3, "Contact": 4, "Campaign": 3, "Product2": 20, "Pricebook2": 3}
MOST = {"Campaign": 500, "Product2": 400, "User": 400}

_ROLL_UP = """
update "Opportunity" as kept set "Amount" = sums.total, "HasOpportunityLineItem" = true
from (select "OpportunityId" as id, sum("TotalPrice") as total from "OpportunityLineItem" group by all) as sums
where kept."Id" = sums.id
"""


class PopulationError(ValueError):
    """The org cannot be filled as asked; the text says why."""


def populate(org: Org, *, size: int, seed: int = 7, only: Sequence[str] = (), now: datetime | None = None) -> None:
    """Fill the org with `size` Opportunities and the rest in proportion. An org that has records is left as it is.

    `only` names the objects to fill; those that they refer to are filled as well. Raises PopulationError.
    """
    names = _closure(org, only or list(NEEDS))
    if org.population is not None:
        return
    if not 1 <= size <= CAPACITY // 8:
        raise PopulationError(f"size must lie between 1 and {CAPACITY // 8}, not {size}")
    moment = (now or org.now()).astimezone(UTC).replace(tzinfo=None, microsecond=0)
    counts = {name: _count(name, size) if name in names else 0 for name in NEEDS}
    with org.lock, org.cursor() as cursor:
        _prepare(cursor, counts, seed=seed, now=moment)
        for name in NEEDS:
            # One transaction each: the next objects join on row numbers, which are final only once committed.
            if name in names:
                _fill(org, cursor, name, counts[name])
    org.mark_populated({"size": size, "seed": seed, "at": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "objects": sorted(names)})


def _closure(org: Org, only: Iterable[str]) -> set[str]:
    wanted, found = [org.object(name).name if org.schema.find(name) else name for name in only], {"UserRole", "User"}
    while wanted:
        name = wanted.pop()
        if name not in NEEDS:
            raise PopulationError(f"--only: {name} is not one of {', '.join(NEEDS)}")
        if name not in found:
            found.add(name)
            wanted += NEEDS[name]
    return found


def _count(name: str, size: int) -> int:
    wanted = round(size * SHARES.get(name, 1.0))
    return min(max(wanted, LEAST.get(name, 1)), MOST.get(name, wanted + LEAST.get(name, 1)))


def _prepare(cursor: duckdb.DuckDBPyConnection, counts: dict[str, int], *, seed: int, now: datetime) -> None:
    cursor.execute("set variable seed = " + str(int(seed)))
    cursor.execute(f"set variable now = timestamp '{now:%Y-%m-%d %H:%M:%S}'")
    for name, count in counts.items():
        cursor.execute(f'set variable "count_{name}" = {count}')
    words = yaml.safe_load((FOLDER / "words.yaml").read_text(encoding="utf-8"))
    users = [record_id("005", number) for number in range(counts["User"])]
    for name, values in {**words, "users": users}.items():
        cursor.execute(f"set variable {name} = [{', '.join(_literal(value) for value in values)}]")
    for statement in (FOLDER / "macros.sql").read_text(encoding="utf-8").split(";\n"):
        if statement.strip():
            cursor.execute(statement)


def _literal(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _fill(org: Org, cursor: duckdb.DuckDBPyConnection, name: str, count: int) -> None:
    cursor.execute(f"set variable count = {count}")
    sql = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    cursor.execute(f'insert into "{name}" by name {sql}')
    if name == "OpportunityLineItem":
        cursor.execute(_ROLL_UP)
    row = cursor.execute(f'select count(*) from "{name}"').fetchone()
    cursor.execute(f'create sequence sandbox."{name}" minvalue 0 start {row[0] if row else 0}')
    if "IsDeleted" in org.object(name).fields:
        stamp = org.object(name).cursor
        log = f'select \'{name}\', "Id", "{stamp}" from "{name}" where "IsDeleted"'
        cursor.execute(f"insert into sandbox.delete_log {log}")
