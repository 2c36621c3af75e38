"""Takes what a webhook gets, in a thread of the test, and can be told to be down or to ask for patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

PATH = "/services/T000/B000/a-secret"


@dataclass
class SlackReceiver:
    """`answers` are given one by one before everything is taken: (status, headers)."""

    url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    is_down: bool = False

    def headers(self) -> list[str]:
        return [m["blocks"][0]["text"]["text"] for m in self.messages]

    def about(self, dag_id: str) -> list[str]:
        return [header for header in self.headers() if dag_id in header]

    async def take(self, request: Request) -> PlainTextResponse:
        body = await request.json()
        self.requests += 1
        if self.is_down:
            return PlainTextResponse("service_unavailable", 503)
        if self.answers:
            status, headers = self.answers.pop(0)
            return PlainTextResponse("rate_limited", status, headers=headers)
        self.messages.append(body)
        return PlainTextResponse("ok")


@contextmanager
def slack_receiver() -> Iterator[SlackReceiver]:
    receiver = SlackReceiver()
    app = Starlette(routes=[Route(PATH, receiver.take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}"
    try:
        yield receiver
    finally:
        server.should_exit = True
        thread.join(10)
