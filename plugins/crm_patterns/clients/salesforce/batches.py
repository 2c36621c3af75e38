"""Several questions in one call. "REST API Developer Guide": Composite Batch, which counts as one API call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from crm_patterns.clients.salesforce.errors import judge
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.transport import Call, Reply, Transport
from crm_patterns.core.errors import IntegrationError


def ask_together(
    transport: Transport, paths: Sequence[str], about: str, *, base: str
) -> list[dict[str, Any] | IntegrationError]:
    """
    The answers to GETs of up to 25 `paths`, numbers exact; an error where one failed. `base`: the API version's path.

    That the batch itself is a POST changes nothing at the source. Raises what the call as a whole meets.
    """
    parts = [{"method": "GET", "url": path.removeprefix("/services/data/")} for path in paths]
    call = Call("POST", f"{base}/composite/batch", about, json={"batchRequests": parts})
    reply = transport.send(call)
    return [_answer(call, reply, part) for part in read_json(reply.body)["results"]]


def _answer(call: Call, reply: Reply, part: dict[str, Any]) -> dict[str, Any] | IntegrationError:
    status, result = int(part["statusCode"]), part["result"]
    if status < 300:
        answer: dict[str, Any] = result
        return answer
    error = judge(call, Reply(status, reply.headers, json.dumps(result, default=str).encode(), reply.host))
    assert error is not None  # noqa: S101 - every status from 300 on is an error
    return error
