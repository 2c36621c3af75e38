"""The identity service: one token per custom service, handed out again until it is over."""

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.marketo.credentials import Credentials
from sandbox.marketo.errors import MarketoFault

LIFETIME_S = 3600.0


class Tokens:
    """In memory: a restart ends them. `lifetime_s` is what a new one gets."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self.lifetime_s = LIFETIME_S
        self._present = ""
        self._ends_ms: dict[str, float] = {}

    def exchange(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint; asked again early, the same token with what is left of its life."""
        known = self._credentials
        if (given.get("client_id"), given.get("client_secret")) != (known.client_id, known.client_secret):
            raise PermissionError("Bad client credentials")
        if self._ends_ms.get(self._present, 0) <= self._clock.now_ms():
            self._present = f"{secrets.token_hex(16)}:ab"
            self._ends_ms[self._present] = self._clock.now_ms() + self.lifetime_s * 1000
        left_s = (self._ends_ms[self._present] - self._clock.now_ms()) / 1000
        return {
            "access_token": self._present,
            "token_type": "bearer",
            "expires_in": int(left_s),
            "scope": known.api_user,
        }

    def check(self, token: str) -> None:
        """Raises 600, 601 or 602."""
        if not token:
            raise MarketoFault("600")
        if token not in self._ends_ms:
            raise MarketoFault("601")
        if self._ends_ms[token] <= self._clock.now_ms():
            raise MarketoFault("602")

    def expire(self) -> None:
        """End the token in use now (602)."""
        self._ends_ms[self._present] = 0

    def forget(self) -> None:
        """Know no token any more (601)."""
        self._ends_ms.clear()


def routes(tokens: Tokens) -> list[Route]:
    async def token(request: Request) -> Response:
        given = dict(request.query_params)
        if request.method == "POST":
            given |= {name: str(value) for name, value in (await request.form()).items()}
        if given.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type", "Unsupported grant type", 400)
        try:
            return JSONResponse(tokens.exchange(given))
        except PermissionError as error:
            return _refused("invalid_client", str(error), 401)

    return [Route("/identity/oauth/token", token, methods=["GET", "POST"])]


def _refused(error: str, text: str, status: int) -> Response:
    return JSONResponse({"error": error, "error_description": text}, status_code=status)
