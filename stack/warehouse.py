"""The local warehouse: a Snowflake-compatible server that keeps its data and is reached like the real one.

fakesnow answers the protocol of snowflake-connector-python from DuckDB. This launcher gives it what a stack needs:
data that survives a restart, TLS (the connector and Airflow's SnowflakeHook speak nothing else), a password that is
checked, privileges that can be revoked, and errors that arrive as errors.
"""

import asyncio
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from stack.files import read_json, write_json
from stack.ports import LOOPBACK
from stack.tls import server_certificate
from stack.warehouse_clones import let_clones_replace
from stack.warehouse_door import WarehouseDoor
from stack.warehouse_nulls import keep_null_moments
from stack.warehouse_privileges import Privileges
from stack.warehouse_turns import Turns

DATABASE = "CRM"


class LocalWarehouse(uvicorn.Server):
    """Tells the ready file when it answers."""

    def __init__(self, config: uvicorn.Config, *, url: str, ready_file: Path) -> None:
        super().__init__(config)
        self.url = url
        self.ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets=sockets)
        write_json(self.ready_file, {"url": self.url, "pid": os.getpid()})


def open_databases(data: Path, users: Path) -> WarehouseDoor:
    """The server's application over the database files in `data`; database CRM is created when missing.

    Stages do not outlive the server: their files are cleared at the start, and `create stage if not exists` belongs
    before every PUT.
    """
    uploads = data / "uploads"
    shutil.rmtree(uploads, ignore_errors=True)
    uploads.mkdir(parents=True)
    tempfile.tempdir = str(uploads)  # fakesnow picks its folder for staged files when it is imported
    import fakesnow.server
    from fakesnow.instance import FakeSnow

    keep_null_moments()
    let_clones_replace()
    instance = FakeSnow(db_path=data)
    for database in {DATABASE, *(file.stem.upper() for file in data.glob("*.db"))}:
        instance.connect(database, "PUBLIC").close()
    instance.create_database_on_connect = False
    instance.create_schema_on_connect = False
    fakesnow.server.shared_fs = instance
    turns = Turns(fakesnow.server.sessions)
    privileges = Privileges(data / "privileges.json")
    return WarehouseDoor(fakesnow.server.app, users=read_json(users), turns=turns, privileges=privileges)


def serve(
    data: Annotated[Path, typer.Option(help="Folder of the database files.")],
    ready_file: Annotated[Path, typer.Option(help="Written as JSON {url, pid} once the server answers.")],
    users: Annotated[Path | None, typer.Option(help="JSON {user: password}; default: DATA/users.json.")] = None,
    port: Annotated[int, typer.Option(help="0 lets the system choose.")] = 0,
    tls: Annotated[Path | None, typer.Option(help="Folder of the certificates; default: DATA/tls.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    name: Annotated[str, typer.Option(help="Name that clients reach it by, for the certificate.")] = "localhost",
) -> None:
    """Serve the warehouse until SIGTERM or SIGINT, on the loopback unless told otherwise."""
    data.mkdir(parents=True, exist_ok=True)
    certificate = server_certificate(tls or data / "tls", name=name)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    config = uvicorn.Config(
        open_databases(data, users or data / "users.json"),
        ssl_keyfile=str(certificate.key),
        ssl_certfile=str(certificate.chain),
        log_level="info",
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    url = f"https://{LOOPBACK if host == LOOPBACK else name}:{listener.getsockname()[1]}"
    asyncio.run(LocalWarehouse(config, url=url, ready_file=ready_file).serve(sockets=[listener]))


if __name__ == "__main__":
    typer.run(serve)
