"""What every call to the data APIs passes: the session, the daily allowance, tidy paths, and gzip where asked for."""

import gzip
import json
import re
import zlib
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.salesforce.errors import JSON_TYPE, SalesforceFault, invalid_session, not_found
from sandbox.salesforce.store import Org

OLDEST_VERSION, NEWEST_VERSION = 31, 67
LONGEST_TARGET = 16_384
_GUARDED = re.compile(r"^/services/data/v([^/]*)(/|$)")
_GZIP_FROM, _GZIP_LEVEL = 1000, 5


class Gate:
    """ASGI middleware. Leaves the id of the calling user in `request.state.user_id`."""

    def __init__(self, app: ASGIApp, org: Org) -> None:
        self.app = app
        self.org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        tidy = re.sub("/{2,}", "/", scope["path"]).rstrip("/") or "/"
        scope = {**scope, "path": tidy, "raw_path": tidy.encode()}
        guarded = _GUARDED.match(tidy)
        if guarded is None:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        reply = _Reply(send, limit_info=self.org.limits.header, gzipped="gzip" in headers.get("accept-encoding", ""))
        try:
            user_id = await run_in_threadpool(self._admit, scope, headers, guarded[1])
            if headers.get("content-encoding", "") == "gzip":
                receive = await _inflated(receive)
                scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"content-encoding"]
        except SalesforceFault as fault:
            await _refuse(fault, reply.send)
            return
        scope["state"] = {**scope.get("state", {}), "user_id": user_id}
        await self.app(scope, receive, reply.send)

    def _admit(self, scope: Scope, headers: Headers, version: str) -> str:
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise SalesforceFault(414, "URI_TOO_LONG", "The length of the URI exceeds 16,384 bytes")
        number, _, minor = version.partition(".")
        if minor != "0" or not number.isdigit() or not OLDEST_VERSION <= int(number) <= NEWEST_VERSION:
            raise not_found()
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token:
            raise SalesforceFault(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
        if scheme.lower() not in ("bearer", "oauth"):
            raise invalid_session()
        session = self.org.sessions.use(token.strip(), idle_s=self.org.reading.session_s)
        self.org.limits.call()
        return session.user_id


class _Reply:
    """The way back: adds the limit header, and compresses JSON that came in one piece."""

    def __init__(self, send: Send, *, limit_info: Callable[[], str], gzipped: bool) -> None:
        self._send = send
        self._limit_info = limit_info
        self._gzipped = gzipped
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["Sforce-Limit-Info"] = self._limit_info()
            json_text = headers.get("content-type", "").startswith("application/json")
            if self._gzipped and json_text and "content-encoding" not in headers:
                self._start = message
                return
        elif self._start is not None:
            message = await self._compress(self._start, message)
            self._start = None
        await self._send(message)

    async def _compress(self, start: Message, message: Message) -> Message:
        body = message.get("body", b"")
        if not message.get("more_body", False) and len(body) >= _GZIP_FROM:
            body = await run_in_threadpool(gzip.compress, body, _GZIP_LEVEL)
            headers = MutableHeaders(raw=start["headers"])
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
            message = {**message, "body": body}
        await self._send(start)
        return message


async def _refuse(fault: SalesforceFault, send: Send) -> None:
    body = json.dumps(fault.body()).encode()
    headers = [(b"content-type", JSON_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    if fault.status == 401:
        headers.append((b"www-authenticate", b"Token"))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _inflated(receive: Receive) -> Receive:
    """The request's body, which was sent with Content-Encoding: gzip, unpacked."""
    packed = bytearray()
    while True:
        message = await receive()
        packed += message.get("body", b"")
        if not message.get("more_body", False):
            break
    try:
        body = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise SalesforceFault(400, "JSON_PARSER_ERROR", "The request body is not gzip") from error
    waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once() -> Message:
        return waiting.pop() if waiting else await receive()

    return once
