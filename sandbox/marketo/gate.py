"""What every call passes: the length of its address, the token, the rates; and what every answer carries."""

from email.utils import format_datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.edge import CONTROL_PREFIX
from sandbox.marketo.errors import MarketoFault
from sandbox.marketo.instance import Instance

LONGEST_TARGET = 8_192


class Gate:
    """ASGI middleware. Keeps what changed before the answer begins."""

    def __init__(self, app: ASGIApp, instance: Instance) -> None:
        self.app = app
        self.instance = instance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.instance.keeper.commit()
                headers = MutableHeaders(raw=message["headers"])
                headers["Date"] = format_datetime(self.instance.clock.now(), usegmt=True)
            await send(message)

        if scope["path"].startswith((CONTROL_PREFIX, "/identity/")):
            await self.app(scope, receive, answered)
            return
        limits = self.instance.limits
        try:
            self._check(scope)
            limits.begin()
        except MarketoFault as fault:
            limits.errors_today[fault.code] += 1
            await _drain(receive)
            await JSONResponse(fault.body(), status_code=fault.status)(scope, receive, answered)
            return
        try:
            await self.app(scope, receive, answered)
        finally:
            limits.end()

    def _check(self, scope: Scope) -> None:
        if len(scope["path"]) + len(scope["query_string"]) > LONGEST_TARGET:
            raise MarketoFault("414", "URI Too Long", status=414)
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        self.instance.tokens.check(token.strip() if kind.lower() == "bearer" else "")


async def _drain(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass
