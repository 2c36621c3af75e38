"""Answers carry the org's clock, not this machine's."""

from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.salesforce.store import Org


class Dated:
    """ASGI middleware that sets the `Date` header of every answer."""

    def __init__(self, app: ASGIApp, org: Org) -> None:
        self.app = app
        self.org = org

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"])["Date"] = format_datetime(self.org.now(), usegmt=True)
            await send(message)

        await self.app(scope, receive, dated)
