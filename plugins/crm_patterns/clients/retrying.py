"""The one place where a request is sent again: exponential back-off with jitter inside a time limit."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from crm_patterns.core.errors import RetryLater, SchemaMoved

log = logging.getLogger(__name__)

T = TypeVar("T")


class Unanswered(RetryLater):
    """The request was sent and no usable answer came: it may or may not have been carried out."""


class Unreachable(RetryLater):
    """No connection came about: the request was not sent."""


@dataclass(frozen=True, slots=True)
class Patience:
    """
    How long a request is repeated, in seconds.

    The pause doubles from `first_wait_s` to `longest_wait_s`, each drawn from [half, whole]. A Retry-After of the
    server is honoured instead; one that would end after `limit_s` ends the waiting at once. A host that does not
    answer at all is given up after `unreachable_limit_s`: that is more often a wrong address than an outage.
    """

    limit_s: float = 300.0
    unreachable_limit_s: float = 20.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def run(self, attempt: Callable[[], T], *, repeatable: bool) -> T:
        """
        Call `attempt` until it returns, raises something final, or the limit is reached; then raise its last error.

        What is not `repeatable` is sent again only when it certainly had no effect: never after `Unanswered`.
        """

        def may_repeat(error: BaseException) -> bool:
            # A field that vanished is asked for anew by the step that named it; the same request fails for ever.
            if not isinstance(error, RetryLater) or isinstance(error, SchemaMoved):
                return False
            return repeatable or not isinstance(error, Unanswered)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_repeat),
            stop=self._is_over,
            wait=self._pause,
            sleep=self.sleep,
            before_sleep=_tell,
            reraise=True,
        )
        return retrying(attempt)

    def _is_over(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        limit = self.unreachable_limit_s if isinstance(error, Unreachable) else self.limit_s
        return (state.seconds_since_start or 0.0) + state.upcoming_sleep >= limit

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, RetryLater) and error.retry_after_s is not None:
            return error.retry_after_s
        whole = min(self.first_wait_s * 2.0 ** (state.attempt_number - 1), self.longest_wait_s)
        return whole * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("Trying again in %.1f s (attempt %d): %s", state.upcoming_sleep, state.attempt_number, error)
