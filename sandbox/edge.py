"""The outermost floor of every stand-in: it writes each request down and spoils the replies it was asked to spoil.

It must wrap the whole application, because a fault of the wire needs the connection itself.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.faults import FaultBoard, HttpFault
from sandbox.journal import Journal

CONTROL_PREFIX = "/__sandbox__"
DRIPS_PER_SECOND = 10

Message = MutableMapping[str, Any]


class Edge:
    """ASGI middleware in front of one stand-in. Requests to its control API are neither written down nor spoiled."""

    def __init__(self, app: ASGIApp, *, faults: FaultBoard, journal: Journal) -> None:
        self.app = app
        self.faults = faults
        self.journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self.app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        target = f"{scope['path']}?{query}" if query else scope["path"]
        fault = self.faults.take(HttpFault, lambda each: each.hits(scope["method"], target))
        reply = _Reply(send, receive, fault)
        started = time.monotonic()
        try:
            await self._serve(scope, receive, reply, fault)
        finally:
            self.journal.write(
                method=scope["method"],
                path=scope["path"],
                query=query,
                status=reply.status,
                sent_bytes=reply.sent_bytes,
                seconds=round(time.monotonic() - started, 4),
                client=_client_name(scope),
                fault=(fault.label or fault.kind) if fault else None,
            )

    async def _serve(self, scope: Scope, receive: Receive, reply: "_Reply", fault: HttpFault | None) -> None:
        if fault is not None and fault.kind == "status":
            await _drain(receive)
            await reply.answer(fault)
            return
        if fault is not None and fault.kind == "drop":
            await reply.hang_up(reset=False)
            return
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        await self.app(scope, receive, reply.send)
        if fault is not None and fault.kind == "lost_reply":
            await reply.hang_up(reset=False)


class _Reply:
    """The way back to the client, spoiled as the fault says."""

    def __init__(self, send: Send, receive: Receive, fault: HttpFault | None) -> None:
        self._send = send
        self._receive = receive
        self._fault = fault
        self._ended = False
        self.status: int | None = None
        self.sent_bytes = 0

    async def send(self, message: Message) -> None:
        if self._ended or (self._fault is not None and self._fault.kind == "lost_reply"):
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            await self._send(message)
            return
        fault = self._fault
        if fault is not None and fault.kind in ("reset", "truncate"):
            await self._cut(message, fault)
        elif fault is not None and fault.kind == "drip":
            await self._drip(message, fault)
        else:
            await self._pass(message.get("body", b""), more=message.get("more_body", False))

    async def answer(self, fault: HttpFault) -> None:
        """The whole reply of a `status` fault."""
        body = fault.body.encode()
        headers = {"content-type": "application/json;charset=UTF-8"} | {k.lower(): v for k, v in fault.headers.items()}
        headers["content-length"] = str(len(body))
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self.status = fault.status
        await self._send({"type": "http.response.start", "status": fault.status, "headers": pairs})
        await self._pass(body, more=False)

    async def hang_up(self, *, reset: bool) -> None:
        """End the connection now: with an RST, or (what was sent still arrives) with a FIN."""
        self._ended = True
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("a fault cut this reply short")
        if reset:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_until_disconnected(self._receive), timeout=5)

    async def _cut(self, message: Message, fault: HttpFault) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        left = fault.after_bytes - self.sent_bytes
        if more and len(body) <= left:
            await self._pass(body, more=True)
            return
        # A body shorter than the fault allows still loses its last byte: a fault that took place must be felt.
        await self._pass(body[: left if more else min(left, len(body) - 1)], more=True)
        await asyncio.sleep(0.05)  # let the bytes leave before an RST throws them away
        await self.hang_up(reset=fault.kind == "reset")

    async def _drip(self, message: Message, fault: HttpFault) -> None:
        body = memoryview(message.get("body", b""))
        size = max(1, fault.bytes_per_second // DRIPS_PER_SECOND)
        for start in range(0, len(body), size):
            await self._pass(bytes(body[start : start + size]), more=True)
            await asyncio.sleep(size / fault.bytes_per_second)
        if not message.get("more_body", False):
            await self._pass(b"", more=False)

    async def _pass(self, body: bytes, *, more: bool) -> None:
        self.sent_bytes += len(body)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


async def _drain(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _client_name(scope: Scope) -> str:
    """Who calls: the `client` of Sforce-Call-Options where given, else the user agent."""
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    for part in headers.get(b"sforce-call-options", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "client":
            return value
    return headers.get(b"user-agent", "")
