"""Records on their way in: names resolved, values typed, lookups found, everything Salesforce refuses refused.

A batch of drafts is checked with a few set queries, never with a query per record. Each check leaves its errors on the
drafts; only drafts without errors are written afterwards.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.store import Org
from sandbox.salesforce.values import RefusedValue, RowError, stored

CLEARED = "#N/A"
SAME_TRANSACTION = 200
GONE = RowError("ENTITY_IS_DELETED", "entity is deleted")
UNKNOWN_ID = RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")


@dataclass
class Draft:
    """One record as sent, and what became of it so far.

    `values` holds typed values under their field's proper name; `lookups` the foreign keys still to be resolved
    (reference field, target object, its key field, the key). `before` is the stored row of an update.
    """

    position: int
    sent: Mapping[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    lookups: list[tuple[FieldSpec, str, FieldSpec, str]] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    id: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] = field(default_factory=dict)

    def refuse(self, code: str, message: str, *fields: str) -> None:
        self.errors.append(RowError(code, message, fields))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes: the object, the operation (`insert`, `update`, `upsert`), the key field of an upsert."""

    org: Org
    spec: ObjectSpec
    operation: str
    key: str = "Id"
    from_text: bool = False

    @property
    def object_name(self) -> str:
        return self.spec.name


def drafted(target: Target, records: Sequence[Mapping[str, Any]]) -> list[Draft]:
    """The records with names resolved and values typed."""
    drafts = [Draft(position, sent) for position, sent in enumerate(records)]
    for draft in drafts:
        for name, raw in draft.sent.items():
            if name == "attributes" or (target.from_text and raw == ""):
                continue
            value = None if target.from_text and raw == CLEARED else raw
            _take(target, draft, name, value)
    return drafts


def _take(target: Target, draft: Draft, name: str, raw: Any) -> None:
    if isinstance(raw, Mapping) or "." in name:
        _take_lookup(target, draft, name, raw)
        return
    spec = target.spec.find(name)
    if spec is None:
        sentence = f"No such column '{name}' on sobject of type {target.object_name}"
        draft.refuse("INVALID_FIELD", sentence)
        return
    try:
        value = stored(spec, raw, from_text=target.from_text)
    except RefusedValue as refusal:
        draft.errors.append(refusal.error)
        return
    if spec.type == "boolean" and value is None:
        draft.errors.append(RowError("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{spec.label}: value not of required type: "))
        return
    draft.values[spec.name] = value


def _take_lookup(target: Target, draft: Draft, name: str, raw: Any) -> None:
    """`{"Account": {"Ext__c": "A-1"}}`, `Account.Ext__c` or `Contact:Who.Email`."""
    path, _, key = name.partition(".")
    wanted, _, relation = path.rpartition(":")
    if isinstance(raw, Mapping):
        wanted = str(raw.get("attributes", {}).get("type", ""))
        pairs = [(each, value) for each, value in raw.items() if each != "attributes"]
        if len(pairs) != 1:
            draft.refuse("INVALID_FIELD", f"{name}: a foreign key is given by exactly one field")
            return
        key, raw = pairs[0]
    spec = target.spec.find_relationship(relation)
    if spec is None:
        draft.refuse("INVALID_FIELD", f"No such relation '{relation}' on sobject of type {target.object_name}")
        return
    other = next((each for each in spec.reference_to if each.lower() == wanted.lower()), spec.reference_to[0])
    other_spec = target.org.schema.find(other)
    key_spec = other_spec.find(key) if other_spec else None
    if key_spec is None or not (key_spec.external_id or key_spec.id_lookup):
        draft.refuse("INVALID_FIELD", f"Field name provided, {key} is not an External ID or indexed field for {other}")
    elif raw is None:
        draft.values[spec.name] = None
    else:
        draft.lookups.append((spec, other, key_spec, str(raw).strip()))


def find_lookups(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Iterable[Draft]) -> None:
    """Turn foreign keys into ids, one query per object and key field."""
    wanted: dict[tuple[str, str], list[tuple[Draft, FieldSpec, str]]] = defaultdict(list)
    for draft in drafts:
        for spec, other, key, value in draft.lookups:
            wanted[other, key.name].append((draft, spec, value))
    for (other, key_name), uses in wanted.items():
        ids = ids_by_key(target.org, cursor, other, key_name, {value.lower() for _, _, value in uses})
        for draft, spec, value in uses:
            found = ids.get(value.lower(), [])
            if len(found) == 1:
                draft.values[spec.name] = found[0]
                continue
            problem = "not found" if not found else "matches more than one record"
            sentence = f"Foreign key external ID: {value} {problem} for field {key_name} in entity {other}"
            draft.refuse("INVALID_FIELD" if not found else "DUPLICATE_EXTERNAL_ID", sentence)


def ids_by_key(
    org: Org, cursor: duckdb.DuckDBPyConnection, object_name: str, key: str, values: set[str]
) -> dict[str, list[str]]:
    """Ids of the living records per lower-cased key value."""
    found: dict[str, list[str]] = defaultdict(list)
    sql = (
        f'select lower(kept."{key}"::varchar), kept."Id" from {org.table(object_name)} as kept '
        f'join (select unnest($1::varchar[]) as value) as wanted on lower(kept."{key}"::varchar) = wanted.value'
        f"{_living(org, object_name)} order by 2"
    )
    for value, record_id in cursor.execute(sql, [list(values)]).fetchall():
        found[value].append(record_id)
    return found


def rows_by_id(
    org: Org, cursor: duckdb.DuckDBPyConnection, object_name: str, ids: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Stored rows, deleted ones included, by id."""
    sql = (
        f"select kept.* from {org.table(object_name)} as kept "
        'join (select distinct unnest($1::varchar[]) as value) as wanted on kept."Id" = wanted.value'
    )
    result = cursor.execute(sql, [list(ids)])
    names = [column[0] for column in result.description or []]
    rows = (dict(zip(names, row, strict=True)) for row in result.fetchall())
    return {row["Id"]: row for row in rows}


def match(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> None:
    """Give each draft of an update or upsert the record it is about, or refuse it."""
    if target.operation == "insert":
        return
    if target.operation == "upsert" and target.key != "Id":
        _match_by_key(target, cursor, drafts)
    else:
        for draft in drafts:
            draft.id = draft.values.pop("Id", None)
            if draft.id is None and target.operation == "update":
                draft.refuse("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
    rows = rows_by_id(target.org, cursor, target.object_name, [draft.id for draft in drafts if draft.id])
    for draft in drafts:
        if draft.id is None:
            continue
        draft.before = rows.get(draft.id)
        if draft.before is None:
            draft.errors.append(UNKNOWN_ID)
        elif draft.before.get("IsDeleted"):
            draft.errors.append(GONE)


def refuse_repeated_keys(target: Target, drafts: Sequence[Draft]) -> None:
    """Refuse every draft whose key occurs more than once among the 200 records of its transaction."""
    if target.operation == "insert":
        return
    for start in range(0, len(drafts), SAME_TRANSACTION):
        chunk = drafts[start : start + SAME_TRANSACTION]
        keys = Counter(_key(target, draft) for draft in chunk)
        for draft in chunk:
            key = _key(target, draft)
            if key is None or keys[key] == 1:
                continue
            if target.key == "Id":
                sentence = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
            else:
                sentence = f"Duplicate external id specified: {draft.values[target.key]}"
            draft.refuse("DUPLICATE_VALUE", sentence, target.key)


def _key(target: Target, draft: Draft) -> str | None:
    value = draft.values.get(target.key)
    if value is None:
        return None
    return str(value) if target.key == "Id" else str(value).lower()


def waves(target: Target, drafts: Sequence[Draft]) -> list[list[Draft]]:
    """Cut a batch so that no key occurs twice in one part; a later part is written over an earlier one."""
    parts: list[list[Draft]] = []
    times: Counter[str] = Counter()
    for draft in drafts:
        key = _key(target, draft)
        turn = times[key] if key is not None and target.operation != "insert" else 0
        if key is not None:
            times[key] += 1
        while len(parts) <= turn:
            parts.append([])
        parts[turn].append(draft)
    return parts


def _match_by_key(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> None:
    values = {str(draft.values[target.key]).lower() for draft in drafts if draft.values.get(target.key) is not None}
    ids = ids_by_key(target.org, cursor, target.object_name, target.key, values)
    for draft in drafts:
        value = draft.values.get(target.key)
        if value is None:
            draft.refuse("MISSING_ARGUMENT", f"{target.key} not specified", target.key)
            continue
        found = ids.get(str(value).lower(), [])
        if len(found) > 1:
            sentence = f"{target.key}: more than one record found for external id field: [{', '.join(found)}]"
            draft.refuse("DUPLICATE_EXTERNAL_ID", sentence, target.key)
        draft.id = found[0] if found else None


def _living(org: Org, object_name: str) -> str:
    return ' where not kept."IsDeleted"' if "IsDeleted" in org.schema.objects[object_name].fields else ""
