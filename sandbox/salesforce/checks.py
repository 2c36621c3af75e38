"""What Salesforce refuses about a record once its values are typed: rights, requirements, references, uniqueness."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import duckdb

from sandbox.salesforce.drafts import UNKNOWN_ID, Draft, Target, ids_by_key
from sandbox.salesforce.schema import FieldSpec
from sandbox.salesforce.store import Org


def check(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> None:
    """Leave every refusal on its draft. Needs `match` and `find_lookups` to have run."""
    for draft in drafts:
        _check_rights(target, draft)
        _check_converted(draft)
        _check_required(target, draft)
    _check_references(target, cursor, drafts)
    _check_unique(target, cursor, drafts)


def _check_rights(target: Target, draft: Draft) -> None:
    inserting = draft.before is None
    barred = []
    for name in draft.values:
        spec = target.spec.find(name)
        if spec is not None and not (spec.createable if inserting else spec.updateable) and name != "Id":
            barred.append(name)
    if inserting and target.operation == "insert" and "Id" in draft.values:
        draft.refuse("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
    if barred:
        sentence = (
            f"Unable to create/update fields: {', '.join(sorted(barred))}. Please check the security settings of this "
            "field and verify that it is read/write for your profile or permission set."
        )
        draft.refuse("INVALID_FIELD_FOR_INSERT_UPDATE", sentence, *sorted(barred))


def _check_converted(draft: Draft) -> None:
    """A converted lead is read-only, whoever writes."""
    if draft.before is not None and draft.before.get("IsConverted"):
        draft.refuse("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _check_required(target: Target, draft: Draft) -> None:
    inserting = draft.before is None
    if UNKNOWN_ID in draft.errors or (inserting and target.operation == "update"):
        return
    blamed = {name for error in draft.errors for name in error.fields}
    missing = [
        spec.name
        for spec in target.spec.visible.values()
        if spec.name not in blamed
        and (
            spec.required_on_insert and draft.values.get(spec.name) is None
            if inserting
            else not spec.nillable and spec.name in draft.values and draft.values[spec.name] is None
        )
    ]
    if missing:
        draft.refuse("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)


def _check_references(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Iterable[Draft]) -> None:
    uses: dict[str, list[tuple[Draft, FieldSpec, str]]] = defaultdict(list)
    for draft in drafts:
        for name, value in draft.values.items():
            spec = target.spec.find(name)
            if spec is None or spec.type != "reference" or value is None:
                continue
            other = _object_of(target.org, spec, value)
            if other is None:
                sentence = f"{spec.label}: id value of incorrect type: {value}"
                draft.refuse("FIELD_INTEGRITY_EXCEPTION", sentence, spec.name)
            else:
                uses[other].append((draft, spec, value))
    for other, pairs in uses.items():
        known = _existing(target.org, cursor, other, {value for _, _, value in pairs})
        for draft, spec, value in pairs:
            if known is not None and value not in known:
                draft.refuse(UNKNOWN_ID.code, UNKNOWN_ID.message, spec.name)


def _object_of(org: Org, spec: FieldSpec, record_id: str) -> str | None:
    """The object an id belongs to, if the field may refer to it; objects this org does not keep are taken on trust."""
    for other in spec.reference_to:
        known = org.schema.find(other)
        if known is None or record_id.startswith(known.prefix):
            return other
    return None


def _existing(org: Org, cursor: duckdb.DuckDBPyConnection, object_name: str, ids: set[str]) -> set[str] | None:
    """The ids among these that can be referred to; None for an object that this org does not keep."""
    if org.schema.find(object_name) is None:
        return None
    matches = ids_by_key(org, cursor, object_name, "Id", {each.lower() for each in ids})
    return {found for ids_found in matches.values() for found in ids_found}


def _check_unique(target: Target, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> None:
    for spec in target.spec.visible.values():
        if not spec.unique or spec.name == "Id":
            continue
        holders = [draft for draft in drafts if draft.values.get(spec.name) is not None]
        if not holders:
            continue
        values = {str(draft.values[spec.name]).lower() for draft in holders}
        taken = ids_by_key(target.org, cursor, target.object_name, spec.name, values)
        seen: dict[str, Draft] = {}
        for draft in holders:
            value = str(draft.values[spec.name]).lower()
            other = next((each for each in taken.get(value, []) if each != draft.id), None)
            if other is None and value in seen and not draft.errors:
                other = seen[value].id or "<unknown>"
            if other is not None:
                sentence = f"duplicate value found: {spec.name} duplicates value on record with id: {other}"
                draft.refuse("DUPLICATE_VALUE", sentence, spec.name)
            seen.setdefault(value, draft)
