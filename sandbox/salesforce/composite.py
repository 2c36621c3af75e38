"""Several calls in one: composite, composite/batch, composite/graph, composite/tree.

A subrequest goes through the application behind the gate, so it is checked, answered and refused as if it had come
alone, and the request as a whole counts as one.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message, Scope

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.store import Org
from sandbox.salesforce.tree import plant
from sandbox.salesforce.wire import read_object, user_of
from sandbox.salesforce.writes import RolledBack, transaction

BASE = "/services/data/v{version}/composite"
SUBREQUESTS, COSTLY_SUBREQUESTS, GRAPHS, NODES = 25, 5, 75, 500
COSTLY = re.compile(r"/(query|queryAll|composite/sobjects)([/?]|$)")
REFERENCE = re.compile(r"@\{([^}]+)\}")
HALTED = {"errorCode": "PROCESSING_HALTED"}


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to one subrequest."""

    status: int
    headers: dict[str, str]
    body: Any


class _Composite:
    def __init__(self, org: Org) -> None:
        self.org = org

    async def composite(self, request: Request) -> Response:
        asked = await read_object(request)
        calls = asked.get("compositeRequest") or []
        _check_calls(calls)
        together = bool(asked.get("allOrNone", False))
        answers = await self._run(request, calls, together=together)
        return JSONResponse({"compositeResponse": _listed(calls, answers)})

    async def graph(self, request: Request) -> Response:
        graphs = (await read_object(request)).get("graphs") or []
        nodes = sum(len(graph.get("compositeRequest") or []) for graph in graphs)
        if len(graphs) > GRAPHS or nodes > NODES:
            sentence = f"A request holds up to {GRAPHS} graphs and {NODES} nodes, not {len(graphs)} and {nodes}"
            raise SalesforceFault(400, "LIMIT_EXCEEDED", sentence)
        replies = []
        for graph in graphs:
            calls = graph.get("compositeRequest") or []
            answers = await self._run(request, calls, together=True)
            done = all(answer.status < 400 for answer in answers)
            body = {"compositeResponse": _listed(calls, answers)}
            replies.append({"graphId": graph.get("graphId"), "graphResponse": body, "isSuccessful": done})
        return JSONResponse({"graphs": replies})

    async def batch(self, request: Request) -> Response:
        asked = await read_object(request)
        calls = asked.get("batchRequests") or []
        if len(calls) > SUBREQUESTS:
            raise SalesforceFault(
                400, "LIMIT_EXCEEDED", f"A batch holds up to {SUBREQUESTS} subrequests, not {len(calls)}"
            )
        results: list[dict[str, Any]] = []
        halted = False
        for call in calls:
            if halted:
                body: Any = [HALTED | {"message": "Batch processing halted per request"}]
                results.append({"statusCode": 412, "result": body})
                continue
            path = str(call.get("url", ""))
            whole = path if path.startswith("/services/") else f"/services/data/{path.lstrip('/')}"
            answer = await _call(request, str(call.get("method", "GET")), whole, call.get("richInput"))
            results.append({"statusCode": answer.status, "result": answer.body})
            halted = answer.status >= 400 and bool(asked.get("haltOnError", False))
        return JSONResponse({"hasErrors": any(each["statusCode"] >= 400 for each in results), "results": results})

    async def tree(self, request: Request) -> Response:
        records = (await read_object(request)).get("records") or []
        work = partial(plant, self.org, request.path_params["object"], records, user_id=user_of(request))
        answer, good = await asyncio.to_thread(work)
        return JSONResponse(answer, status_code=201 if good else 400)

    async def _run(self, request: Request, calls: Sequence[Mapping[str, Any]], *, together: bool) -> list[Answer]:
        if together:
            return await asyncio.to_thread(self._run_together, request, calls)
        return await _in_order(request, calls, org=None)

    def _run_together(self, request: Request, calls: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """All or none: one transaction on this thread, which runs the subrequests in a loop of its own."""
        answers: list[Answer] = []
        with transaction(self.org):
            answers = asyncio.run(_in_order(request, calls, org=self.org))
            if any(answer.status >= 400 for answer in answers):
                raise RolledBack
        return answers


def routes(org: Org) -> list[Route]:
    """The resources that hold other requests."""
    resources = _Composite(org)
    return [
        Route(BASE, resources.composite, methods=["POST"]),
        Route(f"{BASE}/graph", resources.graph, methods=["POST"]),
        Route(f"{BASE}/batch", resources.batch, methods=["POST"]),
        Route(f"{BASE}/tree/{{object}}", resources.tree, methods=["POST"]),
    ]


@contextlib.contextmanager
def _turn_for_readers(org: Org | None) -> Iterator[None]:
    """A read within a transaction runs on another thread, and may need the lock that this thread holds."""
    if org is None:
        yield
        return
    org.lock.release()
    try:
        yield
    finally:
        org.lock.acquire()


async def _in_order(request: Request, calls: Sequence[Mapping[str, Any]], *, org: Org | None) -> list[Answer]:
    """The answers in the order of the calls; with `org`, whose lock this thread holds, they are all or none."""
    together = org is not None
    answers: list[Answer] = []
    known: dict[str, Any] = {}
    failed: set[str] = set()
    for call in calls:
        name = str(call.get("referenceId", ""))
        needs = {
            found.partition(".")[0].partition("[")[0]
            for found in REFERENCE.findall(json.dumps(dict(call), default=str))
        }
        if needs & failed or (together and failed):
            text = "The transaction was rolled back since another operation in the same transaction failed."
            answers.append(Answer(400, {}, [HALTED | {"message": text}]))
            failed.add(name)
            continue
        resolved = _resolved(dict(call), known)
        method = str(call.get("method", "GET")).upper()
        with _turn_for_readers(org if method == "GET" else None):
            answer = await _call(request, method, resolved["url"], resolved.get("body"))
        answers.append(answer)
        known[name] = answer.body
        if answer.status >= 400:
            failed.add(name)
    if together and failed:
        return [answer if answer.status >= 400 else _rolled_back() for answer in answers]
    return answers


def _rolled_back() -> Answer:
    text = "The transaction was rolled back since another operation in the same transaction failed."
    return Answer(400, {}, [HALTED | {"message": text}])


async def _call(request: Request, method: str, url: str, body: Any) -> Answer:
    """Send one subrequest through the application, with the headers of the request it came in."""
    path, _, query = url.partition("?")
    content = b"" if body is None else json.dumps(body, default=str).encode()
    left = {b"content-length", b"content-encoding", b"content-type", b"accept-encoding"}
    headers = [(name, value) for name, value in request.scope["headers"] if name not in left]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    scope: Scope = {
        **{key: request.scope[key] for key in ("type", "asgi", "http_version", "scheme", "client", "server")},
        "method": method.upper(),
        "path": unquote(path).rstrip("/"),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "state": {"user_id": user_of(request)},
    }
    replies: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        replies.append(message)

    await request.app(scope, receive, send)
    answer = b"".join(reply.get("body", b"") for reply in replies[1:])
    location = {k.decode().title(): v.decode() for k, v in replies[0].get("headers", []) if k.lower() == b"location"}
    return Answer(replies[0]["status"], location, json.loads(answer) if answer else None)


def _resolved(value: Any, known: Mapping[str, Any]) -> Any:
    """`@{ref.id}` and `@{ref.records[0].Id}` replaced by what the earlier answer holds there."""
    if isinstance(value, dict):
        return {key: _resolved(each, known) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, known) for each in value]
    if isinstance(value, str):
        return REFERENCE.sub(lambda found: str(_looked_up(found[1], known)), value)
    return value


def _looked_up(path: str, known: Mapping[str, Any]) -> Any:
    name, *steps = re.findall(r"[^.\[\]]+", path)
    place: Any = known.get(name)
    try:
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SalesforceFault(400, "PROCESSING_HALTED", f"Invalid reference specified. No value for {path}") from error
    return place


def _check_calls(calls: Sequence[Mapping[str, Any]]) -> None:
    if len(calls) > SUBREQUESTS:
        raise SalesforceFault(
            400, "LIMIT_EXCEEDED", f"A composite holds up to {SUBREQUESTS} subrequests, not {len(calls)}"
        )
    costly = sum(1 for call in calls if COSTLY.search(str(call.get("url", ""))))
    if costly > COSTLY_SUBREQUESTS:
        sentence = f"A composite holds up to {COSTLY_SUBREQUESTS} query and collections calls, not {costly}"
        raise SalesforceFault(400, "LIMIT_EXCEEDED", sentence)
    names = [str(call.get("referenceId", "")) for call in calls]
    if "" in names or len(set(names)) != len(names):
        raise SalesforceFault(400, "INVALID_INPUT", "Each subrequest needs a referenceId of its own")


def _listed(calls: Sequence[Mapping[str, Any]], answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "body": answer.body,
            "httpHeaders": answer.headers,
            "httpStatusCode": answer.status,
            "referenceId": call.get("referenceId"),
        }
        for call, answer in zip(calls, answers, strict=True)
    ]
