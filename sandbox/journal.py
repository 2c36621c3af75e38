"""What clients asked of a stand-in, newest last, so that a test can count calls instead of trusting the caller."""

import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

KEPT_CALLS = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what became of it. `status` is None when the client never got a status line."""

    number: int
    at: str
    method: str
    path: str
    query: str
    status: int | None
    sent_bytes: int
    seconds: float
    client: str
    fault: str | None


class Journal:
    """The last `KEPT_CALLS` calls, in the order in which they were finished."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT_CALLS)
        self._numbers = count(1)
        self._lock = threading.Lock()

    def write(self, **call: Any) -> None:
        """Add a call; arguments as the fields of `Call` without `number` and `at`."""
        with self._lock:
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._calls.append(Call(number=next(self._numbers), at=at, **call))

    def read(self, *, path: str = "", method: str = "", after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """The newest `limit` calls whose path matches the expression `path`, oldest of them first."""
        pattern = re.compile(path)
        with self._lock:
            calls = list(self._calls)
        found = [
            asdict(call)
            for call in calls
            if call.number > after and pattern.search(call.path) and method.upper() in ("", call.method)
        ]
        return found[-limit:] if limit else []

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()
