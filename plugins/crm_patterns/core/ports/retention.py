"""What must not be cleaned away yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from crm_patterns.core.windows import Window


class RetentionStore(Protocol):
    """What unfinished runs hold on to."""

    def windows_in_use(self, *, since: datetime) -> Sequence[tuple[str, str, Window]]:
        """(source, object name, window) claimed by runs that started since then and are not finished."""
