"""The org: its records in one DuckDB file, its schema, clock, limits and sign-ins.

One process owns the file. Readers take their own cursor and see a consistent moment; writers hold `Org.lock` for a
short transaction. Each object is a table of its name whose columns are the API names; computed fields have no column,
so read them with `Org.select_sql`.
"""

import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from sandbox.salesforce import ids, schema
from sandbox.salesforce.clock import Clock
from sandbox.salesforce.errors import invalid_type
from sandbox.salesforce.limits import Limits
from sandbox.salesforce.schema import FieldSpec, ObjectSpec, SchemaError
from sandbox.salesforce.sessions import Sessions

OTHER_PREFIXES = {
    "Job": "750",
    "Organization": "00D",
    "Profile": "00e",
    "Group": "00G",
    "QueryLocator": "01g",
    "OutboundMessage": "04l",
}
"""Key prefixes of what has ids here but no records."""

_POPULATED = "populated.json"
_INTERNAL = """
create schema if not exists sandbox;
create table if not exists sandbox.delete_log (object varchar, id varchar, deleted_at timestamp);
create table if not exists sandbox.field_change (object varchar, field varchar, change varchar, made_at timestamp);
"""


@dataclass
class ReadSettings:
    """How the reading side behaves; a test may change it while the org runs.

    `page_rows`: what a query page holds at most (Salesforce: 2000). `covered_until`: while set, replication calls
    answer with this moment as latestDateCovered, as during a long transaction. `session_s`: idle seconds that a session
    survives.
    `max_replicated_ids`: what getUpdated and getDeleted list at most. `field_definitions`: whether the user may query
    FieldDefinition of the Tooling API.
    """

    page_rows: int = 2000
    long_text_page_rows: int = 500
    covered_until: datetime | None = None
    session_s: float = 7200.0
    max_replicated_ids: int = 600_000
    cursors_kept: int = 10
    field_definitions: bool = True


class Org:
    """One Salesforce org, its data in `folder`. Close it before another process opens the folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = threading.RLock()
        self.clock = Clock()
        self.limits = Limits()
        self.reading = ReadSettings()
        self.user_id = ids.record_id("005", 0)
        self.public_url: str | None = None
        self.id = _organization_id(folder)
        self.sessions = Sessions(self.id)
        self._db = duckdb.connect(str(_database(folder)))
        self._db.execute("set global timezone = 'UTC'")
        self._db.execute(_INTERNAL)
        for statement in ids.sql_macros():
            self._db.execute(statement)
        self.schema = schema.load()
        self.schema_changed_at = self.now()
        for spec in list(self.schema.objects.values()):
            self._create_table(spec)
        self._replay_field_changes()

    # --- description --------------------------------------------------------------------------------------------------

    def object(self, name: str) -> ObjectSpec:
        """The object with this name in any case. Raises the 400 INVALID_TYPE that a query gets."""
        spec = self.schema.find(name)
        if spec is None:
            raise invalid_type(name)
        return spec

    def fields(self, object_name: str, *, hidden: bool = False) -> Mapping[str, FieldSpec]:
        """The object's fields by name, in describe's order; those the user may not see only when `hidden`."""
        spec = self.object(object_name)
        return spec.fields if hidden else spec.visible

    def field(self, object_name: str, name: str) -> FieldSpec | None:
        """The visible field with this name in any case, or None."""
        return self.object(object_name).find(name)

    def key_prefix(self, object_name: str) -> str | None:
        """First three characters of the object's ids; None for an object that is not here."""
        spec = self.schema.find(object_name)
        return spec.prefix if spec else None

    def table(self, object_name: str) -> str:
        """The object's table, quoted."""
        return f'"{self.object(object_name).name}"'

    def select_sql(self, spec: FieldSpec, row: str) -> str:
        """The SQL that reads the field of the table alias `row`, computed fields included."""
        if spec.sql is None:
            return f'{row}."{spec.name}"'
        return f"({spec.sql.replace('{row}', row).replace('{today}', self.today_sql())})"

    def today_sql(self) -> str:
        return f"date '{self.now():%Y-%m-%d}'"

    # --- clock and ids ------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The org's clock: UTC, whole seconds."""
        return self.clock.now()

    def stamp(self) -> datetime:
        """`now()` as the store keeps it: without a zone."""
        return self.now().replace(tzinfo=None)

    def new_id(self, object_name: str) -> str:
        """A fresh 18-character id. Beside the objects: `Job`, `QueryLocator`."""
        return self.new_ids(object_name, 1)[0]

    def new_ids(self, object_name: str, count: int) -> list[str]:
        """`count` fresh ids in order. Never given twice, not even after a restart."""
        prefix = OTHER_PREFIXES.get(object_name) or self.object(object_name).prefix
        name = object_name if object_name in OTHER_PREFIXES else self.object(object_name).name
        with self.lock, self.cursor() as cursor:
            cursor.execute(f'create sequence if not exists sandbox."{name}" minvalue 0 start 0')
            rows = cursor.execute(f"select nextval('sandbox.\"{name}\"') from range(?)", [count]).fetchall()
        return [ids.record_id(prefix, number) for (number,) in rows]

    # --- data ---------------------------------------------------------------------------------------------------------

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own for this thread; close it (or use it in `with`)."""
        return self._db.cursor()

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor inside one transaction under the lock; committed at the end, rolled back by any error."""
        with self.lock, self.cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()

    def record_delete(
        self,
        object_name: str,
        record_id: str,
        when: datetime,
        *,
        cursor: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        """Enter a delete into the log that getDeleted reads; in the transaction of `cursor` when given."""
        values = [self.object(object_name).name, record_id, when.astimezone(UTC).replace(tzinfo=None)]
        sql = "insert into sandbox.delete_log values (?, ?, ?)"
        if cursor is not None:
            cursor.execute(sql, values)
            return
        with self.writing() as own:
            own.execute(sql, values)

    def record_deletes(self, cursor: duckdb.DuckDBPyConnection, object_name: str, record_ids: Sequence[str]) -> None:
        """Enter many deletes, all of now, in the transaction of `cursor`."""
        sql = "insert into sandbox.delete_log select ?, unnest(?::varchar[]), ?"
        cursor.execute(sql, [self.object(object_name).name, list(record_ids), self.stamp()])

    def close(self) -> None:
        """Write everything to the file and let go of it."""
        with self.lock:
            self._db.close()

    def _create_table(self, spec: ObjectSpec) -> None:
        default = {"boolean": " default false"}
        stored = [each for each in spec.fields.values() if each.storage]
        columns = ", ".join(f'"{each.name}" {each.storage}{default.get(each.type, "")}' for each in stored)
        self._db.execute(f'create table if not exists "{spec.name}" ({columns})')

    @property
    def population(self) -> dict[str, Any] | None:
        """With what the org was filled (size, seed, …); None while it is empty."""
        path = self.folder / _POPULATED
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def mark_populated(self, facts: Mapping[str, Any]) -> None:
        """Say that the org is filled. Until then, whatever its file holds is thrown away at the next start."""
        (self.folder / _POPULATED).write_text(json.dumps(facts), encoding="utf-8")

    def prepare_user(self, username: str) -> None:
        """Give the integration user its name; `user_id` is its id."""
        with self.writing() as cursor:
            cursor.execute('update "User" set "Username" = ? where "Id" = ?', [username, self.user_id])

    # --- changes of the schema while the org lives --------------------------------------------------------------------

    def add_field(self, object_name: str, name: str, notation: Any, *, value_sql: str | None = None) -> FieldSpec:
        """Add a field, in the notation of `schema/*.yaml`; no stamp moves.

        `value_sql` gives the value of the rows that exist (over their columns, e.g. `'A-' || "Id"`); without it they
        stay empty. Raises SchemaError when the notation or the SQL cannot be understood, or the field exists.
        """
        owner = self.object(object_name)
        if name in owner.fields:
            raise SchemaError(f"{owner.name}.{name} exists already")
        spec = schema.read_field(owner.name, name, notation)
        with self._changing(owner, name, {"add": notation}) as cursor:
            if spec.storage:
                cursor.execute(f'alter table "{owner.name}" add column "{name}" {spec.storage}')
                cursor.execute(f'update "{owner.name}" set "{name}" = {value_sql or "null"}')
            self.schema.put_field(owner.name, spec)
        return spec

    def remove_field(self, object_name: str, name: str) -> None:
        """Delete a field and its values."""
        owner, spec = self._known(object_name, name)
        with self._changing(owner, spec.name, {"remove": True}) as cursor:
            if spec.storage:
                cursor.execute(f'alter table "{owner.name}" drop column "{spec.name}"')
            self.schema.drop_field(owner.name, spec.name)

    def hide_field(self, object_name: str, name: str, *, hidden: bool = True) -> None:
        """Take the field from the user's sight by field-level security, or give it back; its values stay."""
        owner, spec = self._known(object_name, name)
        with self._changing(owner, spec.name, {"hide": hidden}):
            self.schema.put_field(owner.name, replace(spec, hidden=hidden))

    def retype_field(self, object_name: str, name: str, notation: Any) -> FieldSpec:
        """Change a field's type or size; values that do not fit become empty, and no stamp moves."""
        owner, old = self._known(object_name, name)
        spec = schema.read_field(owner.name, old.name, notation)
        with self._changing(owner, old.name, {"retype": notation}) as cursor:
            if spec.storage and spec.storage != old.storage:
                cursor.execute(
                    f'alter table "{owner.name}" alter "{old.name}" type {spec.storage} '
                    f'using try_cast("{old.name}" as {spec.storage})'
                )
            self.schema.put_field(owner.name, spec)
        return spec

    def change_formula(self, object_name: str, name: str, sql: str) -> None:
        """Let a computed field give other values from now on, as an admin's new formula does; no stamp moves.

        `sql` is DuckDB's, with `{row}` before each column and `{today}`. Raises SchemaError when it does not run.
        """
        owner, old = self._known(object_name, name)
        if old.sql is None:
            raise SchemaError(f"{owner.name}.{old.name} is not computed")
        spec = replace(old, sql=sql)
        with self._changing(owner, old.name, {"formula": sql}) as cursor:
            try:
                cursor.execute(f'select {self.select_sql(spec, "kept")} from "{owner.name}" as kept limit 1')
            except duckdb.Error as error:
                raise SchemaError(f"{owner.name}.{old.name}: {error}") from error
            self.schema.put_field(owner.name, spec)

    @contextmanager
    def _changing(self, owner: ObjectSpec, name: str, change: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.writing() as cursor:
            try:
                yield cursor
            except duckdb.Error as error:
                raise SchemaError(f"{owner.name}.{name}: {error}") from error
            sql = "insert into sandbox.field_change values (?, ?, ?, ?)"
            cursor.execute(sql, [owner.name, name, json.dumps(change), self.stamp()])
            self.schema_changed_at = self.now()

    def _known(self, object_name: str, name: str) -> tuple[ObjectSpec, FieldSpec]:
        owner = self.object(object_name)
        spec = next((each for each in owner.fields.values() if each.name.lower() == name.lower()), None)
        if spec is None:
            raise SchemaError(f"{owner.name} has no field {name}")
        return owner, spec

    def _replay_field_changes(self) -> None:
        """Bring the schema to where it was when the org was last closed; the tables are there already."""
        for object_name, name, text in self._db.execute(
            "select object, field, change from sandbox.field_change order by rowid"
        ).fetchall():
            change = json.loads(text)
            if "remove" in change:
                self.schema.drop_field(object_name, name)
                continue
            if "add" in change or "retype" in change:
                notation = change.get("add", change.get("retype"))
                self.schema.put_field(object_name, schema.read_field(object_name, name, notation))
                continue
            spec = self.schema.objects[object_name].fields[name]
            moved = replace(spec, hidden=change["hide"]) if "hide" in change else replace(spec, sql=change["formula"])
            self.schema.put_field(object_name, moved)


def _database(folder: Path) -> Path:
    """The org's file. One that was left half-filled is removed first."""
    path = folder / "org.duckdb"
    if not (folder / _POPULATED).exists():
        for each in (path, path.with_name("org.duckdb.wal")):
            each.unlink(missing_ok=True)
    return path


def _organization_id(folder: Path) -> str:
    """The org's 15-character id, made once."""
    path = folder / "organization_id"
    if not path.exists():
        number = secrets.randbelow(ids.CAPACITY)
        path.write_text(ids.record_id(OTHER_PREFIXES["Organization"], number), encoding="utf-8")
    return path.read_text(encoding="utf-8")[:15]
