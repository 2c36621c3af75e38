"""A process that dies at its n-th call through a port, before the call is made or right after it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any


class Killed(BaseException):
    """Nothing catches it, as nothing catches `kill -9`."""


@dataclass
class Fuse:
    """Burns at call number `at` (from 1); never with 0. `after`: once the call has done its work."""

    at: int = 0
    after: bool = False
    calls: int = 0

    def run(self, call: Callable[..., Any], *args: Any, **more: Any) -> Any:
        self.calls += 1
        dies = self.calls == self.at
        if dies and not self.after:
            raise Killed
        answer = call(*args, **more)
        if dies:
            raise Killed
        return answer


class Mortal:
    """Passes every call on to `inner`, through the fuse."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return partial(self._fuse.run, found) if callable(found) else found
