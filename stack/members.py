"""Which processes belong to a stack, and how to end them, whatever has happened to their parents."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its stubs are not in the lock

from stack.files import read_json, write_json

STACK_MARK = "CRM_STACK_ID"
SERVICE_MARK = "CRM_STACK_SERVICE"
SAME_START_S = 2.0


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started for a service, as its pid file tells it.

    `created` is the start time the system reports (seconds since 1970): a recycled pid has another one.
    """

    pid: int
    created: float
    settings: str

    @classmethod
    def read(cls, pid_file: Path) -> "Started | None":
        """What the pid file says, if there is one."""
        document = read_json(pid_file)
        if not {"pid", "created", "settings"} <= document.keys():
            return None
        return cls(pid=int(document["pid"]), created=float(document["created"]), settings=str(document["settings"]))

    def write(self, pid_file: Path) -> None:
        """Keep it for later calls."""
        write_json(pid_file, {"pid": self.pid, "created": self.created, "settings": self.settings})

    def process(self) -> psutil.Process | None:
        """The very process, if it still runs; another process that got the same pid is not it."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.created) > SAME_START_S or found.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return found


def start(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path, folder: Path
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, so that a Ctrl-C at the terminal does not reach it.

    An older log is kept once, as `<name>.previous.log`.
    """
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def members(
    stack_id: str, *, services: Collection[str] | None = None, spare: Collection[str] = ()
) -> list[psutil.Process]:
    """Every living process that carries the mark of this stack in its environment, forked workers included.

    With `services` only theirs; those of `spare` never.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            environment = process.environ()
            service = environment.get(SERVICE_MARK)
            if environment.get(STACK_MARK) != stack_id or service in spare:
                continue
            if services is None or service in services:
                found.append(process)
    return found


def stop(
    stack_id: str,
    *,
    services: Collection[str] | None = None,
    spare: Collection[str] = (),
    patience_s: float = 5.0,
) -> int:
    """End all members: SIGTERM, then SIGKILL to what is left after `patience_s`. Returns how many there were."""
    asked: set[int] = set()
    give_up = time.monotonic() + patience_s
    while remaining := members(stack_id, services=services, spare=spare):
        kill = time.monotonic() > give_up
        for process in remaining:
            if kill or process.pid not in asked:
                asked.add(process.pid)
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        psutil.wait_procs(remaining, timeout=0.2)
    return len(asked)
