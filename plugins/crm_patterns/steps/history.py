"""
History of an object: every version of a record that was observed, each valid from one instant to the next.

Whatever changes rows of a current table calls `record_history` afterwards, in the same task: it takes the rows of that
table that carry the run's id, and the accepted rows of the run's attempt where there is one. Every call is one MERGE
over the records it touches, and a repeat changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.own_columns import HISTORY_COLUMNS, OWN_COLUMNS
from crm_patterns.core.ports import Table, Warehouse
from crm_patterns.steps.load import prepare_target

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryOf:
    """An object's current table, its history table, and what moves of it."""

    target: Table
    history: Table
    contract: ObjectContract


@dataclass(frozen=True, slots=True)
class Attempt:
    """The accepted rows of one attempt: its table less the keys in `rejects`. `read_at`: the source's clock."""

    table: Table
    rejects: Table | None
    read_at: datetime


def history_of(contract: ObjectContract, *, target_schema: str, history_schema: str) -> HistoryOf:
    """The history table has the current table's name, in a schema of its own."""
    return HistoryOf(Table(target_schema, contract.table), Table(history_schema, contract.table), contract)


def as_held(warehouse: Warehouse, of: HistoryOf) -> HistoryOf | None:
    """The same for the columns that the current table has by now; None where there is no such table."""
    present = warehouse.columns(of.target)
    fields = tuple(field for field in of.contract.fields if field.column in present)
    return replace(of, contract=replace(of.contract, fields=fields)) if present else None


def begin_history(warehouse: Warehouse, of: HistoryOf) -> None:
    """
    Make or widen the history table; an empty one begins with the rows that the current table holds already.

    To be called before the current rows change: what they are now would else never be in history.
    """
    prepare_target(warehouse, of.history, of.contract, create="warehouse_elt/create_history", own=_OWN)
    if int(warehouse.run("control/count_rows", names={"table": of.history})[0][0]) == 0:
        catch_up_history(warehouse, of)


def record_history(warehouse: Warehouse, of: HistoryOf, *, run_id: str, attempt: Attempt | None = None) -> None:
    """Add the versions that this run observed: current rows with its id, and the accepted rows of its attempt."""
    names = {**_names(warehouse, of), "all_rows": False, **_attempt_names(attempt)}
    values = {"run_id": run_id, **({"read_at": attempt.read_at} if attempt else {})}
    warehouse.run("warehouse_elt/merge_into_history", names=names, values=values)


def catch_up_history(warehouse: Warehouse, of: HistoryOf) -> int:
    """Add every current row that is not its record's newest version: after history was off. Returns how many."""
    names = {**_names(warehouse, of), "all_rows": True, **_attempt_names(None)}
    added = warehouse.run("warehouse_elt/merge_into_history", names=names)
    return int(added[0][0] or 0)


def count_recorded(warehouse: Warehouse, of: HistoryOf, *, run_id: str, attempt: Attempt) -> int:
    """How many accepted rows of the attempt have their version in history: all of them, or history is not proven."""
    names = {"history": of.history, "contract": of.contract, **_attempt_names(attempt)}
    values = {"run_id": run_id, "read_at": attempt.read_at}
    return int(warehouse.run("warehouse_elt/count_recorded", names=names, values=values)[0][0])


_OWN = (*OWN_COLUMNS, *HISTORY_COLUMNS)


def _names(warehouse: Warehouse, of: HistoryOf) -> dict[str, object]:
    """Columns that the source no longer shows (`others`) keep the value that the current table keeps."""
    known = {*of.contract.columns, *(own.column for own in _OWN)}
    in_target = warehouse.columns(of.target)
    others = tuple(c for c in warehouse.columns(of.history) if c in in_target and c not in known)
    return {"target": of.target, "history": of.history, "contract": of.contract, "others": others}


def _attempt_names(attempt: Attempt | None) -> Mapping[str, object]:
    return {"attempt": attempt and attempt.table, "rejects": attempt and attempt.rejects}
