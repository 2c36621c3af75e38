"""`kill -9` at every call through a port, over both stand-ins: the repeat leaves what one undisturbed run leaves."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from crm_patterns.core.ports import RunKey
from tests.conformance.sync_world import SyncWorld
from tests.kills import Fuse, Killed, Mortal, fatal_calls

RUN = RunKey("crm_marketing_sync", "the run")
RESTS_EVERY = 4  # the facts are compared after every kill; the cycle after it seldom has more to tell


def scene(world: SyncWorld, folder: Path) -> SyncWorld:
    """Somebody is created, somebody linked, an edit goes each way, and an opt-out."""
    made = SyncWorld(world.org, world.account, folder, world.empty_state)
    made.clear()
    made.leads([{"Email": "new@x.io", "Title": "CFO"}, {"Email": "Two@x.io", "HasOptedOutOfEmail": True}])
    made.contact(Email="three@x.io", Phone="+32470000001")
    made.account.people({"email": "two@x.io", "jobtitle": "CTO", "lastname": "Doe"})
    return made


def die_at(world: SyncWorld, call: int, *, after: bool) -> None:
    """A process of its own lives the cycle until it is killed."""
    child = os.fork()
    if child == 0:
        try:
            fuse = Fuse(call, after)
            own = SyncWorld(world.org, world.account, world.folder, world.empty_state)
            own.wrap = lambda _name, port: Mortal(port, fuse)
            own.cycle(run=RUN)
        except Killed:
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


@pytest.mark.e2e
def test_a_kill_at_any_call_and_a_repeat_leave_both_stores_as_a_calm_run_does(world: SyncWorld, tmp_path: Path) -> None:
    calm, fuse = scene(world, tmp_path / "calm"), Fuse()
    whole: Any = calm.wrap
    calm.wrap = lambda _name, port: Mortal(port, fuse)
    calm.cycle(run=RUN)
    calls, calm.wrap = fuse.calls, whole
    calm.rest(1)
    wanted = calm.facts()
    calm.close()

    for call in fatal_calls(calls):
        made = scene(world, tmp_path / f"at-{call}")
        die_at(made, call, after=call % 2 == 0)
        made.attempts = 1
        made.cycle(run=RUN)

        assert made.facts() == wanted, call
        if call % RESTS_EVERY == 0:
            made.rest(1)
            assert made.facts() == wanted, call
        made.close()
    assert calls > 20
