"""
Any cutting of time into windows, any repetition and any order of attempts give the same history: the oracle's.

Records live at a source: edits, deletions and returns move the stamp, formulas do not, and some changes are committed
late. Attempts read windows of it. Many lives go through the same few statements at once, so that few examples are many.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.ports import Table
from crm_patterns.steps.history import Attempt, HistoryOf, begin_history, count_recorded, history_of, record_history
from crm_patterns.steps.load import prepare_target
from crm_patterns.warehouse.snowflake import SnowflakeWarehouse
from tests.history_oracle import Observation, Version, broken_ranges, history
from tests.sql.attempts import NOON

DEAL = ObjectContract(
    source="salesforce",
    object_name="Deal",
    table="DEAL",
    fields=(
        ContractField("Id", "id", FieldKind.TEXT, length=18, nullable=False),
        ContractField("Value", "value", FieldKind.TEXT, length=80),
        ContractField("IsDeleted", "is_deleted", FieldKind.BOOLEAN, nullable=False),
        ContractField("SystemModstamp", "system_modstamp", FieldKind.TIMESTAMP, nullable=False),
    ),
    key="Id",
    cursor="SystemModstamp",
    deleted_flag="IsDeleted",
)
DEAL_WITHOUT_CURSOR = replace(DEAL, fields=DEAL.fields[:2], cursor=None, deleted_flag=None, cursor_moves=False)
READS = (20, 40, 60, 80)  # minutes after noon at which the source is read
SLOW = settings(
    max_examples=2, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def at(minute: int) -> datetime:
    return NOON + timedelta(minutes=minute)


@dataclass(frozen=True)
class State:
    """What the source shows of a record from minute `shown` on."""

    shown: int
    stamp: int
    value: str
    deleted: bool


Life = tuple[State, ...]


@st.composite
def lives(draw: st.DrawFn, *, values_return: bool) -> Life:
    """`values_return`: a formula may give a value that the record had under the same stamp before."""
    stamp, states, minute, deleted, value = 0, [], draw(st.integers(0, 30)), False, "v0"
    for number in range(draw(st.integers(1, 7))):
        if number == 0 or draw(st.booleans()):
            stamp = minute
            deleted = number > 0 and draw(st.booleans())
        value = draw(st.sampled_from("ab")) if values_return else f"v{number}"
        states.append(State(minute + draw(st.sampled_from((0, 0, 15, 30))), stamp, value, deleted))
        minute = states[-1].shown + draw(st.integers(1, 15))
    return tuple(states)


@st.composite
def late_lives(draw: st.DrawFn) -> Life:
    """Formulas that change, and are read, after the stamp of an edit that is committed later still."""
    edited = draw(st.integers(22, 36))
    formulas = (draw(st.integers(edited - 10, 40)), draw(st.integers(41, 60)))
    committed = draw(st.integers(61, 79))
    first = draw(st.integers(0, 11))
    before = [State(minute, first, f"v{number}", False) for number, minute in enumerate([first, *formulas])]
    return (*before, State(committed, edited, "edited", draw(st.booleans())))


@dataclass(frozen=True)
class Read:
    """One attempt: a half-open window of stamps, in minutes, read at `minute`."""

    minute: int
    start: int
    end: int

    @property
    def run_id(self) -> str:
        return f"run {self.minute}"

    def sees(self, life: Life) -> State | None:
        shown = [state for state in life if state.shown <= self.minute]
        newest = shown[-1] if shown else None
        return newest if newest is not None and self.start <= newest.stamp < self.end else None


@st.composite
def reads(draw: st.DrawFn) -> tuple[Read, ...]:
    """Each read covers everything, an increment with overlap, or what a backfill asks for."""
    return tuple(Read(minute, draw(st.sampled_from((0, 0, minute - 30, 10))), minute) for minute in READS)


def observed(life: Life, some: Sequence[Read], contract: ObjectContract = DEAL) -> list[Observation]:
    found = []
    for read in some:
        if (state := read.sees(life)) is not None:
            stamp = at(state.stamp) if contract.cursor else at(read.minute)
            deleted = state.deleted and contract.deleted_flag is not None
            found.append(
                Observation(stamp, at(read.minute), state.value, deleted, read.run_id, has_stamp=bool(contract.cursor))
            )
    return found


class World:
    """Tables of one example: an attempt table per read, and a current table with its history per publication."""

    def __init__(self, warehouse: SnowflakeWarehouse, all_lives: Sequence[Life], contract: ObjectContract) -> None:
        self.warehouse, self.contract = warehouse, contract
        self.schema = f"T_{uuid.uuid4().hex[:12]}".upper()
        self.lives = {f"006{number:012d}AAA": life for number, life in enumerate(all_lives)}
        self.tables: dict[Read, Table] = {}
        warehouse.run("control/create_schema", names={"schema": self.schema})

    def attempt(self, read: Read) -> Attempt:
        if read not in self.tables:
            self.tables[read] = table = Table(self.schema, f"A{len(self.tables)}")
            self.warehouse.run("warehouse_elt/create_attempt", names={"table": table, "contract": self.contract})
            rows = [row for key, life in self.lives.items() if (row := self._row(key, read.sees(life)))]
            if rows:
                self.warehouse._execute(f'insert into "{table.schema}"."{table.name}" values {", ".join(rows)}', {})
        return Attempt(self.tables[read], None, at(read.minute))

    def _row(self, key: str, state: State | None) -> str | None:
        if state is None:
            return None
        values = {"id": f"'{key}'", "value": f"'{state.value}'", "is_deleted": str(state.deleted),
                  "system_modstamp": f"'{at(state.stamp).isoformat()}'"}  # fmt: skip
        return f"({', '.join(values[column] for column in self.contract.columns)})"

    def publish(self, some: Sequence[Read]) -> HistoryOf:
        """The attempts one after the other into new tables, as the publish step does it."""
        name = f"P_{uuid.uuid4().hex[:8]}".upper()
        contract = replace(self.contract, table=name)
        of = history_of(contract, target_schema=self.schema, history_schema=f"{self.schema}_H")
        prepare_target(self.warehouse, of.target, contract)
        begin_history(self.warehouse, of)
        for read in some:
            attempt = self.attempt(read)
            names = {"target": of.target, "attempt": attempt.table, "rejects": None, "contract": contract}
            values = {"run_id": read.run_id, "read_at": attempt.read_at}
            self.warehouse.run("warehouse_elt/merge_into_current", names=names, values=values)
            record_history(self.warehouse, of, run_id=read.run_id, attempt=attempt)
            brought = self.warehouse.run("control/count_rows", names={"table": attempt.table})[0][0]
            assert count_recorded(self.warehouse, of, run_id=read.run_id, attempt=attempt) == brought
        return of

    def versions(self, of: HistoryOf) -> dict[str, list[Version]]:
        sql = (
            'select "ID", "VALUE", "_DELETED", "_VALID_FROM", "_VALID_TO", "_IS_CURRENT", "_SYNCED_AT", "_RUN_ID" '
            f'from "{of.history.schema}"."{of.history.name}" order by "ID", "_VALID_FROM"'
        )
        rows = self.warehouse._execute(sql, {})
        return {key: [Version(*row[1:]) for row in group] for key, group in itertools.groupby(rows, lambda row: row[0])}

    def current(self, table: Table, where: str = "") -> list[tuple[Any, ...]]:
        columns = '"ID", "VALUE", "_DELETED", "_SYNCED_AT", "_RUN_ID", "_SOURCE_MODIFIED_AT"'
        sql = f'select {columns} from "{table.schema}"."{table.name}" {where} order by "ID"'
        return self.warehouse._execute(sql, {})

    def due(self, some: Sequence[Read]) -> dict[str, list[Version]]:
        """The oracle's word on what these reads saw."""
        seen = {key: observed(life, some, self.contract) for key, life in self.lives.items()}
        return {key: history(observations) for key, observations in seen.items() if observations}


@pytest.mark.parametrize("contract", [DEAL, DEAL_WITHOUT_CURSOR], ids=["with a cursor", "without one"])
@SLOW
@given(st.lists(lives(values_return=False) | late_lives(), min_size=40, max_size=60), reads(), st.data())
def test_any_order_and_repetition_of_attempts_gives_the_oracles_history(
    shared_warehouse: SnowflakeWarehouse, contract: ObjectContract, some: list[Life], every: tuple[Read, ...],
    data: st.DataObject,
) -> None:  # fmt: skip
    if contract.cursor is None:
        every = tuple(replace(read, start=0) for read in every)  # such an object is read in full
    world = World(shared_warehouse, some, contract)
    order = [*data.draw(st.permutations(every)), *data.draw(st.lists(st.sampled_from(every), max_size=3))]

    of = world.publish(order)

    found = world.versions(of)
    assert found == world.due(every)
    assert [problem for versions in found.values() for problem in broken_ranges(versions)] == []
    assert world.current(of.history, 'where "_IS_CURRENT"') == world.current(of.target)


@SLOW
@given(st.lists(lives(values_return=True) | late_lives(), min_size=40, max_size=60), reads(), st.data())
def test_values_that_come_back_under_one_stamp_are_told_when_published_as_read_and_repeated_in_any_way(
    shared_warehouse: SnowflakeWarehouse, some: list[Life], every: tuple[Read, ...], data: st.DataObject
) -> None:
    world = World(shared_warehouse, some, DEAL)

    of = world.publish([*every, *data.draw(st.lists(st.sampled_from(every), max_size=3))])

    found = world.versions(of)
    assert found == world.due(every)
    assert [problem for versions in found.values() for problem in broken_ranges(versions)] == []


@SLOW
@given(st.lists(lives(values_return=False) | late_lives(), min_size=40, max_size=60), reads(), st.data())
def test_however_the_windows_are_cut_the_history_is_the_same(
    shared_warehouse: SnowflakeWarehouse, some: list[Life], every: tuple[Read, ...], data: st.DataObject
) -> None:
    world = World(shared_warehouse, some, DEAL)
    cut = [part for read in every for part in _parts(read, data.draw(st.sets(st.integers(1, 79), max_size=1)))]

    whole, pieces = world.publish(every), world.publish(data.draw(st.permutations(cut)))

    assert world.versions(pieces) == world.versions(whole)


def _parts(read: Read, cuts: set[int]) -> Iterator[Read]:
    """The read's window in pieces that meet."""
    inside = sorted(cut for cut in cuts if read.start < cut < read.end)
    for start, end in itertools.pairwise([read.start, *inside, read.end]):
        yield replace(read, start=start, end=end)


@SLOW
@given(st.lists(lives(values_return=True) | late_lives(), min_size=40, max_size=60), reads(), st.data())
def test_whatever_the_order_and_the_values_the_ranges_tile(
    shared_warehouse: SnowflakeWarehouse, some: list[Life], every: tuple[Read, ...], data: st.DataObject
) -> None:
    world = World(shared_warehouse, some, DEAL)

    of = world.publish(data.draw(st.permutations(every)))

    found = world.versions(of)
    assert found.keys() == world.due(every).keys()
    assert [problem for versions in found.values() for problem in broken_ranges(versions)] == []
