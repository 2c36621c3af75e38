"""Counts of refusals, gathered for a moment: a flood of bad requests must not be a flood of writes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from anyio import to_thread

from crm_patterns.core.errors import IntegrationError

log = logging.getLogger(__name__)
Write = Callable[[str, Mapping[str, int], datetime], None]


class RefusalCounter:
    """Writes what was counted `pause_s` after the first of it; a process that is killed in between loses that much."""

    def __init__(self, write: Write, *, pause_s: float = 0.5) -> None:
        self._write = write
        self._pause_s = pause_s
        self._counts: dict[str, Counter[str]] = {}
        self._flushing: asyncio.Task[None] | None = None

    def add(self, endpoint: str, reason: str, count: int = 1) -> None:
        self._counts.setdefault(endpoint, Counter())[reason] += count
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        while self._counts:
            await asyncio.sleep(self._pause_s)
            counts, self._counts = self._counts, {}
            for endpoint, of_endpoint in counts.items():
                try:
                    await to_thread.run_sync(self._write, endpoint, of_endpoint, datetime.now(UTC))
                except IntegrationError as problem:
                    log.warning("Refusals of %s could not be counted (%s): %s", endpoint, dict(of_endpoint), problem)
