"""
Delivery through the Slack provider's webhook hook, bounded in time and never failing its caller.

Callbacks of a DAG run in a process of the dag processor that Airflow ends after `[dag_processor]
dag_file_processor_timeout` (50 s by default). At most: TIMEOUT_S for each of two tries and LONGEST_WAIT_S between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from crm_patterns.notices.blocks import Message

log = logging.getLogger(__name__)
# slack_sdk tells the webhook's URL, which is a secret, when it says that it tries again.
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.WARNING)

TIMEOUT_S = 8
LONGEST_WAIT_S = 5
ASYNC_LIMIT_S = 3 * TIMEOUT_S + LONGEST_WAIT_S


def send(slack_conn_id: str, message: Message) -> bool:
    """True when Slack took it. False, with a line in the log, for whatever kept it from being delivered."""
    handlers = [ConnectionErrorRetryHandler(), ServerErrorRetryHandler(), _PatientRateLimit()]
    try:
        hook = SlackWebhookHook(
            slack_webhook_conn_id=slack_conn_id, timeout=TIMEOUT_S, retry_handlers=handlers, logger=_client_log
        )
        hook.send(text=message.text, blocks=list(message.blocks), unfurl_links=False)
    except Exception as fault:  # noqa: BLE001 - the outermost edge: a notice never fails or masks a run
        _report(slack_conn_id, fault, message)
        return False
    return True


async def send_async(slack_conn_id: str, message: Message) -> bool:
    """The same without blocking the event loop of a triggerer."""
    handlers = [AsyncConnectionErrorRetryHandler(), AsyncServerErrorRetryHandler(), _PatientAsyncRateLimit()]
    try:
        hook = SlackWebhookHook(
            slack_webhook_conn_id=slack_conn_id,
            timeout=TIMEOUT_S,
            logger=_client_log,
            retry_handlers=handlers,  # type: ignore[arg-type] # annotated for the synchronous client only
        )
        sending = hook.async_send(text=message.text, blocks=list(message.blocks), unfurl_links=False)
        await asyncio.wait_for(sending, ASYNC_LIMIT_S)
    except Exception as fault:  # noqa: BLE001 - the outermost edge: a notice never fails or masks a run
        _report(slack_conn_id, fault, message)
        return False
    return True


def _report(slack_conn_id: str, fault: Exception, message: Message) -> None:
    log.error(
        "Slack (connection %s) did not take a notice (%s: %s). The run is not affected. The notice: %s",
        slack_conn_id,
        type(fault).__name__,
        fault,
        message.text,
    )


def _asks_for_patience(response: HttpResponse | None) -> bool:
    """A 429 whose Retry-After is short enough to wait for."""
    if response is None or response.status_code != 429:
        return False
    return _retry_after(response.headers) <= LONGEST_WAIT_S


def _retry_after(headers: Mapping[str, Sequence[str] | str]) -> int:
    values = [value for name, value in headers.items() if name.lower() == "retry-after"]
    if not values:
        return 1
    try:
        return int(values[0] if isinstance(values[0], str) else values[0][0])
    except (ValueError, IndexError):
        return LONGEST_WAIT_S + 1


class _PatientRateLimit(RateLimitErrorRetryHandler):
    def _can_retry(
        self,
        *,
        state: RetryState,  # noqa: ARG002 - slack_sdk's signature
        request: HttpRequest,  # noqa: ARG002
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> bool:
        return _asks_for_patience(response)


class _PatientAsyncRateLimit(AsyncRateLimitErrorRetryHandler):
    async def _can_retry_async(
        self,
        *,
        state: RetryState,  # noqa: ARG002 - slack_sdk's signature
        request: HttpRequest,  # noqa: ARG002
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> bool:
        return _asks_for_patience(response)
