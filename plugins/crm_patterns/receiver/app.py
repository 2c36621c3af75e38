"""
Two endpoints: read, verify, store, answer. What is answered with 200 is durable; the rest is refused and counted.

Airflow puts no sign-in before a plugin's app, and the senders have none: each request proves itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from xml.sax.saxutils import escape

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from crm_patterns.core.errors import IntegrationError
from crm_patterns.patterns import hubspot_webhooks, outbound_messages
from crm_patterns.patterns.receiving import MOST_BYTES, Delivery, Reason, Received, Refused
from crm_patterns.receiver.counting import RefusalCounter
from crm_patterns.receiver.places import Places

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")
BODY_LIMIT_S = 10.0
AT_ONCE = 8  # writes to the state; its pool of connections holds more
ENDPOINTS = ("hubspot", "salesforce")


def create_app(places: Places) -> FastAPI:
    """The application over these connections and this state."""
    app = FastAPI(title="CRM webhooks", docs_url=None, redoc_url=None, openapi_url=None)
    door = Door(places)
    app.add_api_route("/hubspot", door.hubspot, methods=["POST"])
    app.add_api_route("/salesforce", door.salesforce, methods=["POST"])
    app.add_exception_handler(HTTPException, door.other)
    return app


class Door:
    """The endpoints."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._refusals = RefusalCounter(places.count)
        self._at_once = CapacityLimiter(AT_ONCE)

    async def hubspot(self, request: Request) -> Response:
        """An array of at most 100 events, signed (v3)."""
        try:
            door = await _aside(self._places.hubspot)
            if not door.secrets:
                raise Refused(Reason.NOT_CONFIGURED, "The connection of HubSpot holds no webhook_secret.")
            delivery = await _read(request)
            new = await self._keep("hubspot", hubspot_webhooks.receive(delivery, door))
        except Exception as problem:  # noqa: BLE001 - the edge: whatever it is, it is counted and answered
            refused = self._refused("hubspot", problem)
            return JSONResponse({"error": refused.reason, "message": refused.sentence}, refused.status, _later(refused))
        return JSONResponse({"new": new})

    async def salesforce(self, request: Request) -> Response:
        """A SOAP message of at most 100 notifications; the secret is in the query."""
        try:
            door = await _aside(self._places.salesforce)
            outbound_messages.check_secret(request.query_params.get("secret", ""), door)
            delivery = await _read(request)
            await self._keep("salesforce", await _aside(lambda: outbound_messages.receive(delivery, door)))
        except Exception as problem:  # noqa: BLE001 - the edge: whatever it is, it is counted and answered
            refused = self._refused("salesforce", problem)
            return Response(_fault(refused), refused.status, _later(refused), "text/xml")
        return Response(outbound_messages.ACKNOWLEDGEMENT, media_type="text/xml")

    async def other(self, request: Request, error: Exception) -> Response:
        """Another method or path. Paths that nobody has are not counted: they are without number."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        endpoint = request.url.path.rstrip("/").rpartition("/")[2]
        if status == 405 and endpoint in ENDPOINTS:
            self._refusals.add(endpoint, Reason.WRONG_METHOD)
            told = {"error": Reason.WRONG_METHOD, "message": "Only POST is taken here."}
            return JSONResponse(told, status, {"Allow": "POST"})
        return JSONResponse({"error": "not_found", "message": "There is no such endpoint."}, status)

    async def _keep(self, endpoint: str, received: Received) -> int:
        """Stored before anything is answered."""
        for reason, count in received.aside.items():
            self._refusals.add(endpoint, reason, count)
        if not received.events:
            return 0
        return await to_thread.run_sync(self._places.store, received.events, limiter=self._at_once)

    def _refused(self, endpoint: str, problem: Exception) -> Refused:
        if isinstance(problem, Refused):
            refused = problem
        elif isinstance(problem, IntegrationError):
            log.error("An event for %s could not be stored: %s", endpoint, problem)
            refused = Refused(Reason.STATE_UNAVAILABLE, "The events cannot be stored now; send them again.")
        else:
            log.error("Receiving for %s failed.", endpoint, exc_info=problem)
            refused = Refused(Reason.FAILED, "Receiving failed; the log of the API server says why.")
        self._refusals.add(endpoint, refused.reason)
        return refused


async def _read(request: Request) -> Delivery:
    """The whole request, within size and time."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        raise Refused(Reason.TOO_LARGE, f"The body is larger than {MOST_BYTES:,} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Refused(Reason.TOO_LARGE, f"The body is larger than {MOST_BYTES:,} bytes.")
    except TimeoutError as slow:
        raise Refused(Reason.TOO_SLOW, f"The body did not arrive within {BODY_LIMIT_S:.0f} seconds.") from slow
    except ClientDisconnect as gone:
        raise Refused(Reason.CUT_OFF, "The body ended before its end.") from gone
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Delivery(request.method, _url(request), headers, bytes(body), datetime.now(UTC))


def _url(request: Request) -> str:
    """As it arrived, still escaped."""
    scope = request.scope
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['scheme']}://{request.headers.get('host', '')}{path}{'?' if query else ''}{query}"


def _fault(refused: Refused) -> str:
    """As SOAP tells it: Salesforce shows the sentence to its administrator."""
    who = "Server" if refused.status >= 500 else "Client"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>soapenv:{who}.{refused.reason}</faultcode><faultstring>{escape(refused.sentence)}</faultstring>"
        "</soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )


def _later(refused: Refused) -> dict[str, str]:
    return {"Retry-After": "30"} if refused.status == 503 else {}


async def _aside(work: Callable[[], Answer]) -> Answer:
    return await to_thread.run_sync(work)
