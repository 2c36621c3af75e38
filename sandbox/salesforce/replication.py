"""getUpdated and getDeleted ("REST API Developer Guide – sObject Get Updated, Get Deleted")."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.record_json import moment_text
from sandbox.salesforce.schema import ObjectSpec
from sandbox.salesforce.store import Org

UPDATED_REACH = timedelta(days=30)
DELETED_REACH = timedelta(days=15)


def updated_since(org: Org, spec: ObjectSpec, asked: Mapping[str, str]) -> dict[str, Any]:
    """Ids of living rows whose cursor lies in the window."""
    start, end = _window(org, spec, asked, reach=UPDATED_REACH)
    living = 'and not "IsDeleted"' if "IsDeleted" in spec.fields else ""
    window = f'"{spec.cursor}" >= ? and "{spec.cursor}" < ?'
    sql = f'select "Id" from "{spec.name}" where {window} {living} order by 1 limit ?'
    ids = [row[0] for row in _read(org, sql, [start, end])]
    return {"ids": ids, "latestDateCovered": moment_text(_covered(org, end))}


def deleted_since(org: Org, spec: ObjectSpec, asked: Mapping[str, str]) -> dict[str, Any]:
    """Entries of the delete log in the window: soft deletes, hard deletes and merges alike."""
    start, end = _window(org, spec, asked, reach=DELETED_REACH)
    sql = (
        "select id, max(deleted_at) from sandbox.delete_log "
        f"where object = '{spec.name}' and deleted_at >= ? and deleted_at < ? group by id order by 2, 1 limit ?"
    )
    rows = _read(org, sql, [start, end])
    return {
        "deletedRecords": [{"id": record_id, "deletedDate": moment_text(when)} for record_id, when in rows],
        "earliestDateAvailable": moment_text(org.now() - DELETED_REACH),
        "latestDateCovered": moment_text(_covered(org, end)),
    }


def _read(org: Org, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    most = org.reading.max_replicated_ids
    with org.cursor() as cursor:
        rows: list[tuple[Any, ...]] = cursor.execute(sql, [*params, most + 1]).fetchall()
    if len(rows) > most:
        raise SalesforceFault(400, "EXCEEDED_ID_LIMIT", f"More than {most} ids: ask for a shorter time span")
    return rows


def _window(org: Org, spec: ObjectSpec, asked: Mapping[str, str], *, reach: timedelta) -> tuple[datetime, datetime]:
    """Start and end in whole minutes, UTC without zone."""
    if not spec.replicateable or spec.cursor is None:
        sentence = f"entity type {spec.name} does not support replication"
        raise SalesforceFault(400, "INVALID_TYPE_FOR_OPERATION", sentence)
    start, end = _moment(asked, "start"), _moment(asked, "end")
    if end <= start:
        raise _invalid("endDate must be at least one minute greater than startDate")
    if start < (org.now() - reach - timedelta(minutes=1)).replace(tzinfo=None):
        raise _invalid(f"startDate cannot be more than {reach.days} days ago")
    return start, end


def _moment(asked: Mapping[str, str], name: str) -> datetime:
    text = asked.get(name)
    if not text:
        raise SalesforceFault(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    try:
        # A `+` that was not percent-encoded has become a blank on its way.
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError as error:
        raise _invalid(f"{name} is not a date and time: {text}") from error
    if moment.tzinfo is None:
        raise _invalid(f"{name} has no zone: {text}")
    return moment.astimezone(UTC).replace(tzinfo=None, second=0, microsecond=0)


def _covered(org: Org, end: datetime) -> datetime:
    limits = [end, org.stamp().replace(second=0)]
    if org.reading.covered_until is not None:
        limits.append(org.reading.covered_until.astimezone(UTC).replace(tzinfo=None))
    return min(limits)


def _invalid(message: str) -> SalesforceFault:
    return SalesforceFault(400, "INVALID_REPLICATION_DATE", message)
