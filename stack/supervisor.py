"""Start, look at and stop the processes of the local stack."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType

import psutil  # type: ignore[import-untyped]  # its stubs are not in the lock

from stack import members
from stack.airflow_api import AirflowApi
from stack.airflow_database import migrate
from stack.connections import WAREHOUSE_USER
from stack.environment import process_environment, write_airflow_secrets
from stack.errors import StackError
from stack.files import write_json
from stack.home import REPOSITORY, StackHome
from stack.installation import Installation, is_running
from stack.log_tail import last_words
from stack.members import Started
from stack.pools import create_pools
from stack.services import Service, airflow_services, outside_services
from stack.sqlite_savepoints import write_local_settings
from stack.tls import server_certificate

Say = Callable[[str], None]
READY_WITHIN_S = 180.0
STOPPED_WITHIN_S = 5.0


@contextlib.contextmanager
def exclusively(home: StackHome, say: Say) -> Iterator[None]:
    """One `up` or `down` at a time for one folder; the lock goes with the process that holds it."""
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with home.lock_file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `make up` or `make down` is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end us like Ctrl-C does, so that what was started is stopped."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish stopping even when Ctrl-C is pressed again; it takes seconds."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def up(home: StackHome, say: Say) -> Installation:
    """Start what is missing and wait until all of it answers.

    Raises:
        StackError: a part did not start; what this call started has been stopped again.
    """
    with exclusively(home, say), interruptible():
        installation = Installation.prepare(home)
        write_airflow_secrets(home, installation.secrets)
        write_local_settings(home.airflow)
        server_certificate(home.tls)
        _let_warehouse_know_its_user(installation)
        started: list[Service] = []
        try:
            outside = _start(installation, outside_services(installation), started, say)
            migrate(installation, say)
            _wait(installation, outside, say)
            airflow = _start(installation, airflow_services(installation), started, say)
            _wait(installation, airflow, say)
            if airflow:
                with AirflowApi(installation) as api:
                    create_pools(api)
        except BaseException as cause:
            say("interrupted" if isinstance(cause, KeyboardInterrupt) else "that did not work")
            if started:
                say(f"stopping what was started: {', '.join(service.name for service in started)}")
                _stop(installation, [service.name for service in started])
            members.stop(installation.stack_id, services=["airflow-db-migrate"])
            raise
    return installation


def down(home: StackHome, say: Say) -> int:
    """Stop every process of the stack; returns how many there were. Data is kept."""
    if not home.identity_file.exists():
        return 0
    with exclusively(home, say):
        return _stop(Installation.existing(home), None)


def status(installation: Installation) -> Iterator[tuple[str, int | None, bool]]:
    """Each service with its process id (None when it does not run) and whether it answers."""
    for service in (*outside_services(installation), *airflow_services(installation)):
        started = Started.read(installation.home.pid_file(service.name))
        if started is None or started.process() is None:
            yield service.name, None, False
        else:
            yield service.name, started.pid, service.is_ready(started.created)


def _let_warehouse_know_its_user(installation: Installation) -> None:
    users = {WAREHOUSE_USER: installation.secrets.warehouse_password}
    write_json(installation.home.warehouse / "users.json", users, mode=0o600)


def _start(installation: Installation, wanted: Iterable[Service], started: list[Service], say: Say) -> list[Service]:
    """Start the services that do not run, or run with other settings; `started` grows as they are."""
    new = []
    for service in wanted:
        environment = process_environment(installation, os.environ, service=service.name)
        settings = _fingerprint(service, environment)
        before = Started.read(installation.home.pid_file(service.name))
        if before and before.process():
            if before.settings == settings:
                continue
            say(f"{service.name}: its settings have changed, starting it again")
        members.stop(installation.stack_id, services=[service.name])
        installation.home.ready_file(service.name).unlink(missing_ok=True)
        started.append(service)
        new.append(service)
        log = installation.home.log(service.name)
        child = members.start(service.command, environment=environment, log=log, folder=REPOSITORY)
        with contextlib.suppress(psutil.NoSuchProcess):
            created = psutil.Process(child.pid).create_time()
            Started(child.pid, created, settings).write(installation.home.pid_file(service.name))
    return new


def _fingerprint(service: Service, environment: Mapping[str, str]) -> str:
    """What a running part of Airflow would have to be started again for, when it changes."""
    if not service.name.startswith("airflow"):
        return ""
    relevant = {name: value for name, value in environment.items() if name.startswith(("AIRFLOW", "CRM_PATTERNS"))}
    return hashlib.sha256(json.dumps(sorted(relevant.items())).encode()).hexdigest()[:16]


def _wait(installation: Installation, services: list[Service], say: Say) -> None:
    began = time.monotonic()
    waiting = {service.name: service for service in services}
    while waiting:
        for name, service in list(waiting.items()):
            started = Started.read(installation.home.pid_file(name))
            if started is None or not is_running(installation.home, name):
                raise _failure(installation, name, "ended while it was starting")
            if service.is_ready(started.created):
                del waiting[name]
                say(f"{name} is ready ({time.monotonic() - began:.1f} s)")
        if waiting and time.monotonic() - began > READY_WITHIN_S:
            raise _failure(installation, next(iter(waiting)), f"did not answer within {READY_WITHIN_S:.0f} s")
        time.sleep(0.2)


def _failure(installation: Installation, name: str, what: str) -> StackError:
    log = installation.home.log(name)
    said = "\n".join(f"    {line}" for line in last_words(log)) or "    (it said nothing)"
    return StackError(f"{name} {what}. Its last words:\n{said}\nThe whole log: {log}")


def _stop(installation: Installation, names: list[str] | None) -> int:
    """Airflow first, so that no task sees its warehouse go away."""
    with uninterrupted():
        outside = [service.name for service in outside_services(installation)]
        first = None if names is None else [name for name in names if name not in outside]
        stopped = members.stop(installation.stack_id, services=first, spare=outside, patience_s=STOPPED_WITHIN_S)
        stopped += members.stop(installation.stack_id, services=names, patience_s=STOPPED_WITHIN_S)
        for file in installation.home.pids.glob("*.json"):
            if names is None or file.stem in names:
                file.unlink(missing_ok=True)
    return stopped
