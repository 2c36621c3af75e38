"""The log of deletions, read on its own. "REST API Developer Guide": sObject Get Deleted."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from crm_patterns.clients.salesforce.errors import NotReplicated, TooManyIds
from crm_patterns.clients.salesforce.looking import deleted_path, read_deletions
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.transport import Call, Transport
from crm_patterns.core.ports import Deletions

log = logging.getLogger(__name__)

_SHORTEST = timedelta(minutes=2)


def deleted(transport: Transport, object_name: str, *, base: str, since: datetime, until: datetime) -> Deletions:
    """One call; two for each half of a span that holds more ids than the source lists at once (600,000)."""
    path = deleted_path(base, object_name, since=since, until=until)
    try:
        reply = transport.send(Call("GET", path, f"the deletions of {object_name}"))
    except NotReplicated:
        return Deletions({}, until, complete=False)
    except TooManyIds:
        if until - since < _SHORTEST:
            log.warning("Over one minute too many %s were deleted to be listed; ids must be compared.", object_name)
            return Deletions({}, until, complete=False)
        middle = since + (until - since) / 2
        first = deleted(transport, object_name, base=base, since=since, until=middle)
        second = deleted(transport, object_name, base=base, since=middle, until=until)
        return joined(first, second)
    return read_deletions(read_json(reply.body), since=since)


def joined(first: Deletions, second: Deletions) -> Deletions:
    """Two spans, one after the other. A key that is in both was deleted again; a log that lags does so in both."""
    return Deletions(
        deleted_at={**first.deleted_at, **second.deleted_at},
        covered_until=second.covered_until,
        complete=first.complete and second.complete,
    )
