"""A PostgreSQL server of the test's own, started natively where the machine has one."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USER = "crm"
DATABASE = "postgres"
_FOLDERS = ("/usr/local/bin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True))


class NoPostgres(Exception):
    """Why there is no server, in one sentence."""


def binary(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([*os.environ.get("PATH", "").split(os.pathsep), *_FOLDERS]))
    if not found:
        raise NoPostgres(f"PostgreSQL's {name} is not installed on this machine.")
    return str(Path(found).resolve())


@contextmanager
def postgres_server() -> Iterator[str]:
    """The folder of the server's Unix socket; user `crm`, any password, database `postgres`. Raises NoPostgres."""
    initdb, pg_ctl = binary("initdb"), binary("pg_ctl")
    folder = Path(tempfile.mkdtemp(prefix="crm-pg-"))
    as_user = _unprivileged(folder)
    data = folder / "data"
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off -c max_connections=60"
    try:
        _run([*as_user, initdb, "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N"])
        _run([*as_user, pg_ctl, "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield str(folder)
        finally:
            _run([*as_user, pg_ctl, "-D", str(data), "-w", "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, or `nobody`."""
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise NoPostgres("PostgreSQL does not run as root, and there is no setpriv to become somebody else.")
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            os.chown(folder, account.pw_uid, account.pw_gid)
            return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
    raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres or nobody to run it.")


def _run(command: list[str]) -> None:
    # pg_ctl's server inherits the pipes: without files of its own the call would wait for the server's end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", timeout=120)
        if done.returncode:
            output.seek(0)
            raise NoPostgres(f"{Path(command[-1]).name}: {output.read().decode(errors='replace').strip()}")
