"""What stands between a client and fakesnow: the password, and errors a client can read."""

import gzip
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN = "/session/v1/login-request"
QUERY = "/queries/v1/query-request"


class WarehouseDoor:
    """ASGI middleware around the fakesnow server.

    fakesnow lets everyone in; here user and password must be among `users`, and a refusal is Snowflake's own
    (390100). fakesnow answers what it does not support with HTTP 500, which the connector takes for an outage and
    repeats for many seconds; here it becomes a failed statement (261000) at once. The cause is in the server's log.
    """

    def __init__(self, app: ASGIApp, *, users: Mapping[str, str]) -> None:
        self.app = app
        self.users = {name.upper(): password for name, password in users.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path")
        if scope["type"] != "http" or path not in (LOGIN, QUERY):
            await self.app(scope, receive, send)
        elif path == LOGIN:
            await self._sign_in(scope, receive, send)
        else:
            await self.app(scope, receive, _failure_as_answer(send))

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole_body(receive)
        compressed = (b"content-encoding", b"gzip") in scope["headers"]
        asked: dict[str, Any] = json.loads(gzip.decompress(body) if compressed else body)["data"]
        expected = self.users.get(str(asked.get("LOGIN_NAME", "")).upper(), "")
        given = str(asked.get("PASSWORD") or "")
        if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
            refusal = {"data": None, "code": "390100", "message": "Incorrect username or password was specified."}
            await JSONResponse({**refusal, "success": False})(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting = [body]

    async def replayed() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replayed


def _failure_as_answer(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def passed_on(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500:
            message = {**message, "status": 200}
        await send(message)

    return passed_on
