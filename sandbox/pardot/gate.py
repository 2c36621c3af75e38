"""What every call passes: the token, the business unit, the limits, the cache; and what every answer carries."""

import asyncio
from email.utils import format_datetime

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.edge import CONTROL_PREFIX
from sandbox.pardot.errors import PardotFault
from sandbox.pardot.tokens import SalesforceSignIn
from sandbox.pardot.unit import Unit


class Gate:
    """ASGI middleware. Keeps what changed before an answer begins."""

    def __init__(self, app: ASGIApp, unit: Unit, sign_in: SalesforceSignIn) -> None:
        self.app = app
        self.unit = unit
        self.sign_in = sign_in
        self._cached: dict[str, tuple[int, list[Message]]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, is_ours = Headers(scope=scope), scope["path"].startswith(CONTROL_PREFIX)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.unit.keeper.commit()
                told = MutableHeaders(raw=message["headers"])
                told["Date"] = format_datetime(self.unit.clock.now().replace(microsecond=0), usegmt=True)
                if headers.get("x-return-api-usage") == "1":
                    limits = self.unit.limits
                    told["x-api-usage"] = f"{limits.used_today}/{limits.settings.daily}"
            await send(message)

        if is_ours:
            await self.app(scope, receive, answered)
            return
        try:
            await self._admit(headers)
            self.unit.limits.begin()
        except PardotFault as refusal:
            await _drain(receive)
            await refusal.answer()(scope, receive, answered)
            return
        try:
            await asyncio.sleep(self.unit.settings.latency_s)
            await self._serve(scope, receive, answered)
        finally:
            self.unit.limits.end()

    async def _admit(self, headers: Headers) -> None:
        unit_id = headers.get("pardot-business-unit-id", "")
        if not unit_id:
            raise PardotFault(184, "the header Pardot-Business-Unit-Id is missing")
        token = headers.get("authorization", "").removeprefix("Bearer ").strip()
        await self.sign_in.check(token, scope=self.unit.settings.needed_scope)
        if unit_id != self.unit.business_unit_id:
            raise PardotFault(184, status=401)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET" or not self.unit.settings.cache_s:
            await self.app(scope, receive, send)
            return
        key, now = f"{scope['path']}?{scope['query_string'].decode('latin-1')}", self.unit.now()
        at, messages = self._cached.get(key, (0, []))
        if not messages or now - at >= self.unit.settings.cache_s:
            messages = []

            async def kept(message: Message) -> None:
                messages.append(message)

            await self.app(scope, receive, kept)
            self._cached[key] = (now, messages)
        start, *rest = messages
        await send({**start, "headers": list(start["headers"])})
        for message in rest:
            await send(message)


async def _drain(receive: Receive) -> None:
    while (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        pass
