"""The sandbox's Slack in a thread of the test, spoken to over HTTP only. It judges messages by Slack's own limits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from sandbox.slack.app import create_app

TOKEN = "T000/B000/a-secret"
BURST = 100


class SlackStandIn:
    """Its messages, and its bad days."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = {"conn_type": "slackwebhook", "host": f"{url}/services", "password": TOKEN}
        self._control = httpx.Client(base_url=f"{url}/__sandbox__", trust_env=False)
        self._control.post("/settings", json={"burst": BURST}).raise_for_status()

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message["payload"] for message in self._control.get("/messages").json()["messages"]]

    @property
    def headers(self) -> list[str]:
        return [str(payload["blocks"][0]["text"]["text"]) for payload in self.messages]

    def about(self, dag_id: str) -> list[str]:
        return [header for header in self.headers if dag_id in header]

    @property
    def requests(self) -> int:
        return len(self._control.get("/requests").json()["requests"])

    def go_down(self) -> None:
        self.fault(kind="status", status=503, body="service_unavailable", count=None)

    def come_back(self) -> None:
        self._control.delete("/faults").raise_for_status()

    def fault(self, **what: Any) -> None:
        """See sandbox.faults.HttpFault."""
        self._control.post("/faults", json={"path": "/services/", **what}).raise_for_status()


@contextmanager
def slack_stand_in(data: Path) -> Iterator[SlackStandIn]:
    server = uvicorn.Server(uvicorn.Config(create_app(data), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    give_up = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > give_up or not thread.is_alive():
            raise RuntimeError("The sandbox's Slack did not start.")
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield SlackStandIn(f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(10)
