"""What to know of an object before it is read, in one call. "REST API Developer Guide": sObject Get Deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from crm_patterns.clients.salesforce import soql, wire
from crm_patterns.clients.salesforce.batches import ask_together
from crm_patterns.clients.salesforce.queries import RestQueries
from crm_patterns.clients.transport import Transport
from crm_patterns.core.errors import IntegrationError, OutOfBudget, RetryLater, SchemaMoved
from crm_patterns.core.ports import Deletions, Look, LookRequest, ReadRequest

DELETED_REACH = timedelta(days=15)
"""How far back the log of deletions can be asked."""

_MARGIN = timedelta(minutes=2)


def deleted_path(base: str, object_name: str, *, since: datetime, until: datetime) -> str:
    """Whole minutes, as the source reads them; never further back than its log may be asked, and never empty."""
    start = _minute(max(since, until - DELETED_REACH + _MARGIN))
    end = max(_minute(until), start + timedelta(minutes=1))
    times = "&".join(
        f"{name}={quote(moment.isoformat(), safe='')}" for name, moment in (("start", start), ("end", end))
    )
    return f"{base}/sobjects/{object_name}/deleted/?{times}"


def read_deletions(data: dict[str, Any], *, since: datetime) -> Deletions:
    """`complete` is judged by where the log begins: what is older was trimmed, or lies beyond its reach."""
    covered = wire.read_moment(data["latestDateCovered"])
    earliest = wire.read_moment(data.get("earliestDateAvailable"))
    found = {item["id"]: wire.read_moment(item["deletedDate"]) for item in data["deletedRecords"]}
    return Deletions(
        deleted_at={key: at for key, at in found.items() if at is not None},
        covered_until=covered or since,
        complete=earliest is None or earliest <= _minute(since),
    )


def look(transport: Transport, queries: RestQueries, request: LookRequest, *, base: str, now: datetime) -> Look:
    """Gone where there is no such object. What else fails is asked again by those who need it."""
    name, since = request.object_name, request.deleted_since
    paths = {"describe": f"{base}/sobjects/{name}/describe"}
    if not request.window.is_empty:
        window = ReadRequest(name, ("Id",), request.cursor, request.window, request.include_deleted)
        paths["count"] = queries.path(soql.count(window), include_deleted=soql.asks_all(window))
        paths["any"] = queries.path(soql.any_key(window), include_deleted=soql.asks_all(window))
    if since is not None:
        paths["deleted"] = deleted_path(base, name, since=since, until=now)
    answers = ask_together(transport, list(paths.values()), f"the description of {name}", base=base)
    answered = dict(zip(paths, answers, strict=True))
    described = answered.pop("describe")
    if isinstance(described, IntegrationError):
        raise described
    logged = _unless_refused(answered.pop("deleted", None))
    return Look(
        description=wire.read_description(described),
        count=_count(_unless_refused(answered.get("count")), _unless_refused(answered.get("any"))),
        deletions=read_deletions(logged, since=since) if logged and since else None,
    )


def _count(counted: dict[str, Any] | None, found: dict[str, Any] | None) -> int | None:
    """A count of none is believed only where no record is found either: nothing would ever read what it denies."""
    return None if counted is None else max(int(counted["totalSize"]), len(found["records"]) if found else 0)


def _unless_refused(answer: dict[str, Any] | IntegrationError | None) -> dict[str, Any] | None:
    """None for what this object does not offer; faults that others would meet as well are raised."""
    if isinstance(answer, RetryLater | OutOfBudget) and not isinstance(answer, SchemaMoved):
        raise answer
    return None if isinstance(answer, IntegrationError) else answer


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
