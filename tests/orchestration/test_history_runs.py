"""History and snapshot as Airflow writes them, against what the sandbox showed after each run."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.history_oracle import Observation, Version, broken_ranges, history
from tests.orchestration.support.stand import Stand, dag

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
UPKEEP = "crm_warehouse_upkeep"
OBJECTS = ("Account", "Opportunity")
VALUE = {"Account": "Name", "Opportunity": "StageName"}


class Witness:
    """Looks at the org after each run, by a client of its own, and keeps what it saw of every record."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.seen: dict[str, dict[str, list[Observation]]] = {name: defaultdict(list) for name in OBJECTS}
        self.closed: dict[tuple[str, datetime], bool] = {}

    def look(self) -> None:
        for name in OBJECTS:
            more = ", IsClosed" if name == "Opportunity" else ""
            soql = f"select Id, {VALUE[name]}, IsDeleted, SystemModstamp{more} from {name}"
            for row in self._rows(soql):
                stamp = datetime.fromisoformat(row["SystemModstamp"].replace("+0000", "+00:00"))
                one = Observation(stamp, datetime.now(UTC), row[VALUE[name]], row["IsDeleted"])
                self.seen[name][row["Id"]].append(one)
                if more:
                    self.closed[row["Id"], stamp] = row["IsClosed"]

    def _rows(self, soql: str) -> Iterator[dict[str, Any]]:
        path, params = "/services/data/v62.0/queryAll", {"q": soql}
        while path:
            answer = self.client.get(path, params=params).raise_for_status().json()
            yield from answer["records"]
            path, params = answer.get("nextRecordsUrl", ""), {}

    def due(self, name: str) -> dict[str, list[Version]]:
        return {key: history(observations) for key, observations in self.seen[name].items()}


def told(versions: list[Version]) -> list[tuple[Any, ...]]:
    return [(one.value, one.deleted, one.valid_from, one.valid_to, one.is_current) for one in versions]


def found(stand: Stand, name: str) -> dict[str, list[Version]]:
    """Versions by record; of those under one stamp, which differ in computed fields alone, one."""
    column = {"Account": "name", "Opportunity": "stage_name"}[name]
    rows = stand.rows(
        f"select id, {column}, _deleted, _valid_from, _valid_to, _is_current, _synced_at, _run_id, _source_modified_at "
        f"from salesforce_history.{name} order by id, _valid_from"
    )
    by_record = {}
    for key, group in itertools.groupby(rows, key=lambda row: row[0]):
        stamps = [list(same) for _, same in itertools.groupby(group, key=lambda row: row[8])]
        by_record[key] = [Version(*first[1:4], last[4], last[5], *first[6:8]) for first, *_, last in map(_ends, stamps)]
    return by_record


def _ends(rows: list[Any]) -> list[Any]:
    return [rows[0], rows[-1]]


def test_what_becomes_of_records_is_in_history_and_a_day_is_taken_from_it(stand: Stand) -> None:
    with stand.sandbox.client() as client:
        witness = Witness(client)
        _run(stand, witness)
        winner, loser, deal = _some_records(stand)
        client.delete(f"/services/data/v62.0/sobjects/Opportunity/{deal}").raise_for_status()
        stand.sandbox.control("POST", "merge", {"winner": winner, "losers": [loser]})
        stand.sandbox.control("POST", "tick", {"count": 60})
        _run(stand, witness)
        stand.sandbox.control("POST", "undelete", {"ids": [deal]})
        stand.sandbox.control("POST", "tick", {"count": 60})
        _run(stand, witness)

    set_aside = {key for (key,) in stand.rows("select distinct record_key from ops.quarantine")}
    for name in OBJECTS:
        due, held = witness.due(name), found(stand, name)
        assert {key: told(held[key]) for key in held} == {key: told(due[key]) for key in due if key not in set_aside}
        assert [problem for versions in held.values() for problem in broken_ranges(versions)] == []
        assert sum(len(versions) for versions in held.values()) > len(held), "something has changed"
    assert [one.deleted for one in found(stand, "Opportunity")[deal]] == [False, True, False]
    assert [one.deleted for one in found(stand, "Account")[loser]] == [False, True]
    _check_snapshots(stand, witness, set_aside)


def _run(stand: Stand, witness: Witness) -> None:
    time.sleep(1.5)  # a stamp has whole seconds, and a window ends with the source's clock
    stand.run(*OBJECTS)
    witness.look()


def _some_records(stand: Stand) -> tuple[str, str, str]:
    [(winner,), (loser,)] = stand.rows("select id from salesforce.account where not _deleted order by id limit 2")
    [(deal,)] = stand.rows(
        "select id from salesforce.opportunity where not _deleted and not is_closed order by id desc limit 1"
    )
    return winner, loser, deal


def _check_snapshots(stand: Stand, witness: Witness, set_aside: set[str]) -> None:
    """Yesterday by a run of today (from 3 o'clock); then a day long gone, twice, as a backfill asks for it."""
    now = datetime.now(UTC) - timedelta(hours=3)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    stand.run("Opportunity", dag_id=UPKEEP)
    long_ago = today - timedelta(days=40)
    for _ in (1, 2):
        run = dag(UPKEEP).test(logical_date=long_ago + timedelta(hours=4), run_conf={"objects": ["Opportunity"]})
        assert str(run.state) == "success"

    taken = stand.rows("select snapshot_date, opportunity_id, stage_name from marts.opportunity_snapshot order by 1, 2")
    assert taken == [*_open_at(witness, long_ago, set_aside), *_open_at(witness, today, set_aside)]
    assert len(_open_at(witness, today, set_aside)) > 10


def _open_at(witness: Witness, day_end: datetime, set_aside: set[str]) -> list[tuple[Any, ...]]:
    day = (day_end - timedelta(days=1)).date()
    rows = []
    for key, versions in sorted(witness.due("Opportunity").items()):
        for one in versions:
            in_force = one.valid_from < day_end and (one.valid_to is None or one.valid_to >= day_end)
            if in_force and not one.deleted and not witness.closed[key, one.valid_from] and key not in set_aside:
                rows.append((day, key, one.value))
    return rows
