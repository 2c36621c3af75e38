"""What Airflow's Test button does with a client of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from crm_patterns.core.errors import IntegrationError

if TYPE_CHECKING:
    from crm_patterns.clients.retrying import Patience

LIMIT_S, UNREACHABLE_LIMIT_S = 20.0, 5.0
"""Somebody waits in front of the button."""


class Introduces(Protocol):
    """A client that can say whom it reached."""

    def introduce(self) -> str: ...

    def close(self) -> None: ...


def tested(client_of: Callable[[Patience], Introduces]) -> tuple[bool, str]:
    """Whether the system answers, and whom it took us for or what to fix, in a sentence. Writes nothing."""
    from crm_patterns.clients.retrying import Patience

    try:
        client = client_of(Patience(limit_s=LIMIT_S, unreachable_limit_s=UNREACHABLE_LIMIT_S))
    except IntegrationError as problem:
        return False, str(problem)
    try:
        return True, client.introduce()
    except IntegrationError as problem:
        return False, str(problem)
    finally:
        client.close()
