"""Run one program and read what it cost: wall and CPU seconds, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole process, start-up included. `rss_mib` is its peak; `said` is the JSON of its last line of output."""

    wall_s: float
    cpu_s: float
    rss_mib: float
    said: dict[str, Any]


def measure(arguments: Sequence[str], *, env: Mapping[str, str] | None = None) -> Reading:
    """Raises RuntimeError with the program's last words where it does not end with status 0."""
    started = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output[-2000:]}")
    said = json.loads(output.strip().splitlines()[-1])
    return Reading(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)
