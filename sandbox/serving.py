"""Run an ASGI application on a chosen or free port, say when it is ready, and stop it cleanly."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

BACKLOG = 512


class PortTaken(OSError):
    """The port asked for cannot be had; the text names it."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises PortTaken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise PortTaken(f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port") from error
    listener.listen(BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    """`http://127.0.0.1:PORT` for a client on this machine."""
    host, port = listener.getsockname()[:2]
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound


class _Server(uvicorn.Server):
    """Calls back once it serves."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            self._ready()


def serve(app: ASGIApp, listeners: list[socket.socket], *, ready_file: Path | None, facts: dict[str, object]) -> None:
    """Serve until SIGTERM or SIGINT; open connections get one second to end.

    Once it serves, `ready_file` holds `facts` and the process id as JSON; it is removed at the end.
    """

    def announce() -> None:
        if ready_file is None:
            return
        ready_file.parent.mkdir(parents=True, exist_ok=True)
        draft = ready_file.with_name(f"{ready_file.name}.new")
        draft.write_text(json.dumps({**facts, "pid": os.getpid()}), encoding="utf-8")
        draft.replace(ready_file)

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1, server_header=False,
        date_header=False,
    )  # fmt: skip
    try:
        _Server(config, announce).run(sockets=listeners)
    except KeyboardInterrupt:
        pass  # uvicorn has stopped in good order and hands the signal on
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
