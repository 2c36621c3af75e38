"""Taking records away and giving them back: delete with its cascade, hard delete, undelete, merge."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from sandbox.salesforce.drafts import GONE, UNKNOWN_ID
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.ids import is_id, to_18
from sandbox.salesforce.schema import ObjectSpec
from sandbox.salesforce.store import Org
from sandbox.salesforce.values import RowError

MERGED_AT_ONCE = 2
GOES_ALONG = {
    "Account": {("Contact", "AccountId"), ("Opportunity", "AccountId")},
    "Opportunity": {("Task", "WhatId"), ("Event", "WhatId")},
    "Contact": {("Task", "WhoId"), ("Event", "WhoId")},
    "Lead": {("Task", "WhoId"), ("Event", "WhoId")},
}
"""Children that a delete takes along although their field is an ordinary lookup."""

Refusal = Callable[[str, str, Mapping[str, Any]], RowError | None]


class Removal:
    """Removes records within one transaction; the caller holds it."""

    def __init__(self, org: Org, cursor: duckdb.DuckDBPyConnection, *, user_id: str, hard: bool = False) -> None:
        self.org = org
        self.cursor = cursor
        self.user_id = user_id
        self.hard = hard
        self.now = org.stamp()

    def delete(self, ids: Sequence[str], *, only: ObjectSpec | None, refuse: Refusal) -> list[RowError | None]:
        """Delete by id, children first named by their parents. One entry per id: None, or why it was not deleted."""
        errors: list[RowError | None] = [None] * len(ids)
        good: dict[str, list[str]] = defaultdict(list)
        for object_name, positions in self._by_object(ids, only, errors).items():
            spec = self.org.object(object_name)
            stored = self._deleted_flags(spec, [to_18(ids[position]) for position in positions])
            for position in positions:
                record_id = to_18(ids[position])
                errors[position] = self._problem(record_id, stored)
                if errors[position] is None:
                    errors[position] = refuse("hardDelete" if self.hard else "delete", spec.name, {"Id": record_id})
                if errors[position] is None:
                    good[spec.name].append(record_id)
        for object_name, record_ids in good.items():
            self._remove(self.org.object(object_name), record_ids)
        return errors

    def undelete(self, record_id: str) -> int:
        """Bring a record back from the bin with what went along with it; returns how many rows came back.

        Raises SalesforceFault when the record is not in the bin.
        """
        spec = self._object_of(record_id)
        if spec is None or not self._deleted_flags(spec, [to_18(record_id)]).get(to_18(record_id)):
            raise SalesforceFault(400, "UNDELETE_FAILED", f"Entity is not in the recycle bin: {record_id}")
        sql = f'select "SystemModstamp" from {self.org.table(spec.name)} where "Id" = ?'
        ((deleted_at,),) = self.cursor.execute(sql, [to_18(record_id)]).fetchall()
        return self._restore(spec, [to_18(record_id)], deleted_at)

    def merge(self, winner: str, losers: Sequence[str]) -> None:
        """Give the losers' children to the winner and put the losers into the bin with MasterRecordId set.

        Raises SalesforceFault for records that cannot be merged.
        """
        spec, ids = self._object_of(winner), [to_18(each) for each in losers]
        if (
            spec is None
            or not spec.mergeable
            or len(ids) > MERGED_AT_ONCE
            or any(self._object_of(i) != spec for i in ids)
        ):
            sentence = f"A merge needs a winner and up to {MERGED_AT_ONCE} losers of one mergeable object"
            raise SalesforceFault(400, "INVALID_OPERATION", sentence)
        ids = [to_18(each) for each in losers]
        flags = self._deleted_flags(spec, [to_18(winner), *ids])
        if len(flags) != len(ids) + 1 or any(flags.values()):
            raise SalesforceFault(400, "ENTITY_IS_DELETED", "entity is deleted or unknown")
        for child, field in self.org.schema.children_of(spec.name):
            if field.storage and not child.read_only and field.name != "MasterRecordId":
                self._reparent(child, field.name, to_18(winner), ids)
        master = '"MasterRecordId" = ?'
        self.cursor.execute(
            f"update {self.org.table(spec.name)} set {master} where {_among('Id')}", [to_18(winner), ids]
        )
        self._mark(spec, ids)
        self._touch(spec, [to_18(winner)])

    def _by_object(
        self, ids: Sequence[str], only: ObjectSpec | None, errors: list[RowError | None]
    ) -> dict[str, list[int]]:
        positions: dict[str, list[int]] = defaultdict(list)
        for position, record_id in enumerate(ids):
            spec = self._object_of(record_id)
            if spec is None or (only is not None and spec.name != only.name):
                errors[position] = RowError("MALFORMED_ID", f"malformed id {record_id}", ("Id",))
            elif not spec.deletable or spec.read_only:
                sentence = f"insufficient access rights on object id: {spec.name} cannot be deleted"
                errors[position] = RowError("INSUFFICIENT_ACCESS_OR_READONLY", sentence)
            else:
                positions[spec.name].append(position)
        return positions

    def _problem(self, record_id: str, stored: Mapping[str, bool]) -> RowError | None:
        if record_id not in stored:
            return UNKNOWN_ID
        return GONE if stored[record_id] and not self.hard else None

    def _object_of(self, record_id: str) -> ObjectSpec | None:
        return self.org.schema.by_prefix(record_id[:3]) if is_id(record_id) else None

    def _deleted_flags(self, spec: ObjectSpec, ids: Sequence[str]) -> dict[str, bool]:
        flag = '"IsDeleted"' if "IsDeleted" in spec.fields else "false"
        sql = f'select "Id", {flag} from {self.org.table(spec.name)} where {_among("Id")}'
        return dict(self.cursor.execute(sql, [list(ids)]).fetchall())

    def _remove(self, spec: ObjectSpec, ids: Sequence[str]) -> None:
        for child, field in self._dependants(spec):
            gone = "" if self.hard else ' and not "IsDeleted"'
            sql = f'select "Id" from {self.org.table(child.name)} where {_among(field)}{gone}'
            found = [row[0] for row in self.cursor.execute(sql, [list(ids)]).fetchall()]
            if found:
                self._remove(child, found)
        if self.hard or not spec.bin or "IsDeleted" not in spec.fields:
            self.cursor.execute(f"delete from {self.org.table(spec.name)} where {_among('Id')}", [list(ids)])
            self.org.record_deletes(self.cursor, spec.name, ids)
        else:
            self._mark(spec, ids)

    def _dependants(self, spec: ObjectSpec) -> Iterator[tuple[ObjectSpec, str]]:
        """Objects and fields whose rows go with a row of `spec`."""
        for child, field in self.org.schema.children_of(spec.name):
            if field.storage and (field.cascade or (child.name, field.name) in GOES_ALONG.get(spec.name, set())):
                yield child, field.name

    def _mark(self, spec: ObjectSpec, ids: Sequence[str]) -> None:
        stamps = self._stamps(spec)
        sql = f'update {self.org.table(spec.name)} set "IsDeleted" = true{stamps} where {_among("Id")}'
        self.cursor.execute(sql, [list(ids)])
        self.org.record_deletes(self.cursor, spec.name, ids)

    def _restore(self, spec: ObjectSpec, ids: Sequence[str], since: Any) -> int:
        sql = f'update {self.org.table(spec.name)} set "IsDeleted" = false{self._stamps(spec)} where {_among("Id")}'
        self.cursor.execute(sql, [list(ids)])
        self.cursor.execute("delete from sandbox.delete_log where id in (select unnest(?::varchar[]))", [list(ids)])
        restored = len(ids)
        for child, field in self._dependants(spec):
            if "SystemModstamp" not in child.fields:
                continue
            in_the_bin = '"IsDeleted" and "SystemModstamp" = ?'
            sql = f'select "Id" from {self.org.table(child.name)} where {_among(field)} and {in_the_bin}'
            found = [row[0] for row in self.cursor.execute(sql, [list(ids), since]).fetchall()]
            restored += self._restore(child, found, since) if found else 0
        return restored

    def _reparent(self, child: ObjectSpec, field: str, winner: str, losers: Sequence[str]) -> None:
        sql = f'update {self.org.table(child.name)} set "{field}" = ?{self._stamps(child)} where {_among(field)}'
        self.cursor.execute(sql, [winner, list(losers)])

    def _touch(self, spec: ObjectSpec, ids: Sequence[str]) -> None:
        assignments = self._stamps(spec).removeprefix(", ")
        self.cursor.execute(f"update {self.org.table(spec.name)} set {assignments} where {_among('Id')}", [list(ids)])

    def _stamps(self, spec: ObjectSpec) -> str:
        """Assignments that move the stamps the object has, each after a comma."""
        moment = f"timestamp '{self.now:%Y-%m-%d %H:%M:%S}'"
        values = {"SystemModstamp": moment, "LastModifiedDate": moment, "LastModifiedById": f"'{self.user_id}'"}
        return "".join(f', "{name}" = {value}' for name, value in values.items() if name in spec.fields)


def _among(field: str) -> str:
    return f'"{field}" in (select unnest(?::varchar[]))'
