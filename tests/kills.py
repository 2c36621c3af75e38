"""A process that dies at its n-th call through a port, before the call is made or right after it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, NoReturn


def fatal_calls(calls: int) -> range:
    """
    At which of so many calls to die, from 1: at every one.

    Where there is no time for all, `CRM_KILL_STRIDE` takes every n-th, beginning with another one each day.
    """
    stride = int(os.environ.get("CRM_KILL_STRIDE", "1"))
    return range(1 + datetime.now(UTC).timetuple().tm_yday % stride, calls + 1, stride)


class Killed(BaseException):
    """Nothing catches it, as nothing catches `kill -9`."""


def by_exception() -> NoReturn:
    """For tests that live on in the same process: what is left to do on the way out is done."""
    raise Killed


def by_signal() -> NoReturn:
    """For tests that run the work in a process of its own: without a word and without cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody lives to see this")


@dataclass
class Fuse:
    """Burns at call number `at` (from 1); never with 0. `after`: once the call has done its work."""

    at: int = 0
    after: bool = False
    calls: int = 0
    die: Callable[[], NoReturn] = by_exception

    def run(self, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self.calls += 1
        dies = self.calls == self.at
        if dies and not self.after:
            self.die()
        answer = call(*args, **more)
        if dies:
            self.die()
        return answer


class Mortal:
    """Passes every call on to `inner`, through the fuse; so does what an `open` of it hands out."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found
        return self._opened if name == "open" else partial(self._fuse.run, found)

    def _opened(self, *args: Any, **more: Any) -> AbstractContextManager[Any]:
        return _mortal(self._fuse.run(self._inner.open, *args, **more), self._fuse)


@contextmanager
def _mortal(opened: AbstractContextManager[Any], fuse: Fuse) -> Iterator[Any]:
    with opened as writer:
        yield Mortal(writer, fuse)
