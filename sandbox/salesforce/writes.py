"""Writing records: every way in (rows, collections, composite, bulk ingest) ends here.

A batch is checked as a whole, written with one statement per table, and stamped with the org's clock; what follows from
it (derived values, history, roll-ups) is written in the same transaction.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import duckdb

from sandbox.salesforce import effects, locks, removals
from sandbox.salesforce.checks import check
from sandbox.salesforce.conditions import conditions_of, outbound_of
from sandbox.salesforce.drafts import (
    Draft,
    Target,
    drafted,
    find_lookups,
    ids_by_key,
    match,
    refuse_repeated_keys,
    waves,
)
from sandbox.salesforce.errors import SalesforceFault, not_found
from sandbox.salesforce.faults import RowFault
from sandbox.salesforce.rows import insert_rows, update_rows
from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.store import Org
from sandbox.salesforce.values import RowError

ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


@dataclass
class _Transaction:
    cursor: duckdb.DuckDBPyConnection
    doomed: bool = False
    after_commit: list[Callable[[], None]] = field(default_factory=list)


_TRANSACTION: ContextVar[_Transaction | None] = ContextVar("transaction", default=None)


class RolledBack(Exception):
    """Raised inside `transaction` to undo everything and go on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record."""

    id: str | None
    created: bool = False
    errors: tuple[RowError, ...] = ()

    def as_json(self, *, with_created: bool = False) -> dict[str, Any]:
        """The shape of collections."""
        if self.errors:
            answer: dict[str, Any] = {"success": False, "errors": [error.as_json() for error in self.errors]}
            return ({"id": self.id} if self.id else {}) | answer
        created = {"created": self.created} if with_created else {}
        return {"id": self.id, "success": True, "errors": []} | created


def in_transaction() -> bool:
    """Whether this code runs within a transaction that somebody else will end."""
    return _TRANSACTION.get() is not None


@contextlib.contextmanager
def transaction(org: Org) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor in a transaction under the org's write lock; an inner one joins the outer one.

    Any exception undoes all of it, the outer one's work included. RolledBack ends here, everything else goes on.
    """
    outer = _TRANSACTION.get()
    if outer is not None:
        try:
            yield outer.cursor
        except RolledBack:
            outer.doomed = True
        return
    afterwards: list[Callable[[], None]] = []
    with contextlib.suppress(RolledBack), org.writing() as cursor:
        own = _Transaction(cursor)
        token = _TRANSACTION.set(own)
        try:
            yield cursor
        finally:
            _TRANSACTION.reset(token)
        if own.doomed:
            raise RolledBack
        afterwards = own.after_commit
    for work in afterwards:
        work()


class Writer:
    """Writes records of one object on behalf of a user.

    `object_name` may be None for deletes, where the ids tell. Raises SalesforceFault for an unknown object.
    """

    def __init__(self, org: Org, *, object_name: str | None, user_id: str, from_text: bool = False) -> None:
        self.org = org
        self.user_id = user_id
        self.from_text = from_text
        self._spec = org.schema.find(object_name) if object_name is not None else None
        if object_name is not None and self._spec is None:
            raise not_found()

    @property
    def spec(self) -> ObjectSpec:
        if self._spec is None:
            raise not_found()
        return self._spec

    @property
    def object_name(self) -> str:
        return self.spec.name

    def key_field(self, name: str) -> FieldSpec:
        """The field to upsert by; raises a 404 for one that is no external id."""
        spec = self.spec.find(name)
        if spec is None or not (spec.external_id or spec.id_lookup):
            raise not_found(f"Provided external ID field does not exist or is not accessible: {name}")
        return spec

    def find(self, key: str, value: str) -> list[str]:
        """Ids of the living records with this key, whatever its case."""
        with contextlib.closing(self.org.cursor()) as own:
            outer = _TRANSACTION.get()
            cursor = outer.cursor if outer is not None else own
            return ids_by_key(self.org, cursor, self.object_name, key, {value.lower()}).get(value.lower(), [])

    def insert(self, records: Sequence[Mapping[str, Any]], *, all_or_none: bool = False) -> list[Outcome]:
        return self.write(records, operation="insert", all_or_none=all_or_none)

    def update(self, records: Sequence[Mapping[str, Any]], *, all_or_none: bool = False) -> list[Outcome]:
        return self.write(records, operation="update", all_or_none=all_or_none)

    def upsert(
        self, records: Sequence[Mapping[str, Any]], *, key: str = "Id", all_or_none: bool = False
    ) -> list[Outcome]:
        return self.write(records, operation="upsert", key=key, all_or_none=all_or_none)

    def write(
        self, records: Sequence[Mapping[str, Any]], *, operation: str, key: str = "Id", all_or_none: bool = False
    ) -> list[Outcome]:
        """One outcome per record, in their order."""
        if self.spec.read_only:
            raise SalesforceFault(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"{self.object_name} cannot be written")
        name = self.key_field(key).name if operation == "upsert" else "Id"
        target = Target(self.org, self.spec, operation, name, self.from_text)
        drafts = drafted(target, records)
        refuse_repeated_keys(target, drafts)
        with transaction(self.org) as cursor:
            for wave in waves(target, drafts):
                self._write_wave(target, cursor, wave)
            failed = any(draft.errors for draft in drafts)
            if all_or_none and failed:
                raise RolledBack
        if all_or_none and failed:
            return [Outcome(None, errors=tuple(draft.errors) or (ROLLED_BACK,)) for draft in drafts]
        return [_outcome(draft) for draft in drafts]

    def delete(self, ids: Sequence[str], *, hard: bool = False, all_or_none: bool = False) -> list[Outcome]:
        """Delete by id, children with their parents; of any object, or of the writer's own if it has one."""
        with transaction(self.org) as cursor:
            removal = removals.Removal(self.org, cursor, user_id=self.user_id, hard=hard)
            errors = removal.delete(ids, only=self._spec, refuse=self._row_fault)
            if all_or_none and any(errors):
                raise RolledBack
        if all_or_none and any(errors):
            return [Outcome(each, errors=(error or ROLLED_BACK,)) for each, error in zip(ids, errors, strict=True)]
        return [Outcome(each, errors=(error,) if error else ()) for each, error in zip(ids, errors, strict=True)]

    def _write_wave(self, target: Target, cursor: duckdb.DuckDBPyConnection, drafts: list[Draft]) -> None:
        find_lookups(target, cursor, drafts)
        match(target, cursor, drafts)
        check(target, cursor, drafts)
        for draft in drafts:
            refusal = None if draft.errors else self._row_fault(target.operation, self.object_name, draft.sent)
            if refusal is not None:
                draft.errors.append(refusal)
        locks.refuse_locked(self.org, self.object_name, drafts, from_job=self.from_text)
        good = [draft for draft in drafts if not draft.errors]
        if not good:
            return
        now = self.org.now().replace(tzinfo=None)
        effects.complete(self.org, cursor, self.spec, good, user_id=self.user_id, now=now)
        insert_rows(self.org, cursor, self.spec, [draft.after for draft in good if draft.before is None])
        old = [draft for draft in good if draft.before is not None]
        changed = effects.touched(self.spec).union(*(draft.values for draft in old))
        update_rows(self.org, cursor, self.spec, [draft.after for draft in old], changed=changed)
        effects.follow(self.org, cursor, self.spec, good, user_id=self.user_id, now=now)
        self._tell([str(draft.after["Id"]) for draft in good])

    def _tell(self, record_ids: list[str]) -> None:
        """By an outbound message, once it is committed."""
        running = _TRANSACTION.get()
        if running is not None:
            told = partial(outbound_of(self.org).tell, self.object_name, record_ids, user_id=self.user_id)
            running.after_commit.append(told)

    def _row_fault(self, operation: str, object_name: str, record: Mapping[str, Any]) -> RowError | None:
        faults = conditions_of(self.org).faults
        fault = faults.take(RowFault, lambda each: each.hits(operation, object_name, dict(record)))
        return RowError(fault.code, fault.message, fault.fields) if fault else None


def _outcome(draft: Draft) -> Outcome:
    if draft.errors:
        return Outcome(draft.id, errors=tuple(draft.errors))
    return Outcome(draft.after["Id"], created=draft.before is None)
