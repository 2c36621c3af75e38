"""sObject Tree: records with their children nested in them, written together or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sandbox.salesforce.errors import SalesforceFault, not_found
from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.store import Org
from sandbox.salesforce.writes import Outcome, RolledBack, Writer, transaction

RECORDS, LEVELS = 200, 5


def plant(
    org: Org, object_name: str, records: Sequence[Mapping[str, Any]], *, user_id: str
) -> tuple[dict[str, Any], bool]:
    """Insert the records level by level; the reply's body, and whether all were written. Raises SalesforceFault."""
    spec = org.schema.find(object_name)
    if spec is None:
        raise not_found()
    count = sum(_sizes(records, level=1))
    if count > RECORDS:
        raise SalesforceFault(400, "LIMIT_EXCEEDED", f"A tree holds up to {RECORDS} records, not {count}")
    results: list[tuple[str, Outcome]] = []
    with transaction(org):
        _plant_level(org, spec, [(record, {}) for record in records], results, user_id)
        if any(outcome.errors for _, outcome in results):
            raise RolledBack
    failed = [(name, outcome) for name, outcome in results if outcome.errors]
    if failed:
        errors = [
            {"referenceId": name, "errors": [each.as_json() for each in outcome.errors]} for name, outcome in failed
        ]
        return {"hasErrors": True, "results": errors}, False
    return {"hasErrors": False, "results": [{"referenceId": name, "id": outcome.id} for name, outcome in results]}, True


def _plant_level(
    org: Org,
    spec: ObjectSpec,
    records: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    results: list[tuple[str, Outcome]],
    user_id: str,
) -> None:
    rows: list[dict[str, Any]] = [
        {k: v for k, v in record.items() if not _is_children(v) and k != "attributes"} | dict(link)
        for record, link in records
    ]
    outcomes = Writer(org, object_name=spec.name, user_id=user_id).insert(rows)
    names = [str(record.get("attributes", {}).get("referenceId", "")) for record, _ in records]
    results += zip(names, outcomes, strict=True)
    if any(outcome.errors for outcome in outcomes):
        return
    below: dict[str, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = {}
    for (record, _), outcome in zip(records, outcomes, strict=True):
        for name, nested in record.items():
            if not _is_children(nested):
                continue
            child, field = _child(org, spec, name)
            below.setdefault(child.name, []).extend((each, {field.name: outcome.id}) for each in nested["records"])
    for object_name, children in below.items():
        _plant_level(org, org.object(object_name), children, results, user_id)


def _child(org: Org, spec: ObjectSpec, relationship: str) -> tuple[ObjectSpec, FieldSpec]:
    for child, field in org.schema.children_of(spec.name):
        if (field.children or "").lower() == relationship.lower():
            return child, field
    raise SalesforceFault(400, "INVALID_FIELD", f"{spec.name} has no child relationship {relationship}")


def _is_children(value: object) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("records"), list)


def _sizes(records: Sequence[Mapping[str, Any]], *, level: int) -> Iterator[int]:
    if level > LEVELS:
        raise SalesforceFault(400, "LIMIT_EXCEEDED", f"A tree is up to {LEVELS} levels deep")
    yield len(records)
    for record in records:
        for value in record.values():
            if isinstance(value, Mapping) and _is_children(value):
                yield from _sizes(value["records"], level=level + 1)
