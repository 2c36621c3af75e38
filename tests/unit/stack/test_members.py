from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack import members
from stack.members import SERVICE_MARK, STACK_MARK, Started

# Starts a child in a session of its own, deaf to SIGTERM, and dies: what a crashed scheduler leaves behind.
LEAVES_AN_ORPHAN = """
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def stack_id() -> Iterator[str]:
    identity = secrets.token_hex(8)
    yield identity
    members.stop(identity, patience_s=0)


def start(stack_id: str, tmp_path: Path, code: str, *, service: str = "one") -> subprocess.Popen[bytes]:
    environment = {**os.environ, STACK_MARK: stack_id, SERVICE_MARK: service}
    command = [sys.executable, "-c", code]
    return members.start(command, environment=environment, log=tmp_path / f"{service}.log", folder=tmp_path)


def appears(stack_id: str, count: int) -> bool:
    give_up = time.monotonic() + 10
    while len(members.members(stack_id)) != count and time.monotonic() < give_up:
        time.sleep(0.05)
    return len(members.members(stack_id)) == count


def test_a_pid_that_now_belongs_to_another_process_is_not_the_service(tmp_path: Path) -> None:
    ours = psutil.Process()
    recycled = Started(pid=ours.pid, created=ours.create_time() - 60, settings="")
    same = Started(pid=ours.pid, created=ours.create_time(), settings="")

    assert recycled.process() is None
    assert same.process() == ours


def test_a_process_that_has_ended_is_not_the_service(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    started = Started(child.pid, psutil.Process(child.pid).create_time(), "")
    child.kill()

    while started.process() is not None:  # a zombie until it is waited for, and not the service any more
        time.sleep(0.01)

    child.wait()
    assert started.process() is None


def test_a_torn_pid_file_reads_as_none(tmp_path: Path) -> None:
    file = tmp_path / "pid.json"
    file.write_text('{"pid": 12')

    assert Started.read(file) is None
    assert Started.read(tmp_path / "none.json") is None


def test_stop_ends_an_orphan_that_ignores_sigterm_in_a_session_of_its_own(stack_id: str, tmp_path: Path) -> None:
    parent = start(stack_id, tmp_path, LEAVES_AN_ORPHAN)
    parent.wait()
    assert appears(stack_id, 1)

    stopped = members.stop(stack_id, patience_s=0.5)

    assert stopped == 1
    assert members.members(stack_id) == []


def test_stop_leaves_other_stacks_and_spared_services_alone(stack_id: str, tmp_path: Path) -> None:
    other = secrets.token_hex(8)
    sleep = "import time; time.sleep(60)"
    start(stack_id, tmp_path, sleep, service="one")
    start(stack_id, tmp_path, sleep, service="two")
    start(other, tmp_path, sleep, service="foreign")
    assert appears(stack_id, 2)
    assert appears(other, 1)

    members.stop(stack_id, spare=["two"])

    assert [process.environ()[SERVICE_MARK] for process in members.members(stack_id)] == ["two"]
    assert len(members.members(other)) == 1
    members.stop(other)


def test_the_log_of_the_time_before_is_kept_once(stack_id: str, tmp_path: Path) -> None:
    for word in ("first", "second", "third"):
        start(stack_id, tmp_path, f"print('{word}')").wait()

    assert (tmp_path / "one.log").read_text() == "third\n"
    assert (tmp_path / "one.previous.log").read_text() == "second\n"
