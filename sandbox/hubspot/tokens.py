"""Tokens: the private app's, which lives on, and OAuth's, which live half an hour."""

import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.hubspot.credentials import Credentials
from sandbox.hubspot.errors import HubSpotFault

LIFETIME_S = 1800


class Tokens:
    """Access tokens of an account, OAuth's in memory: a restart ends them. `lifetime_s` is what new ones get."""

    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self.lifetime_s: float = LIFETIME_S
        self.private_app_works = True
        self._expires_ms: dict[str, float] = {}

    def open(self) -> dict[str, Any]:
        """The answer of the token endpoint, with a new access token. The refresh token does not rotate."""
        token = f"C{secrets.token_urlsafe(48)}"
        self._expires_ms[token] = self._clock.now_ms() + self.lifetime_s * 1000
        return {
            "token_type": "bearer",
            "refresh_token": self._credentials.refresh_token,
            "access_token": token,
            "expires_in": int(self.lifetime_s),
        }

    def is_oauth(self, token: str) -> bool:
        """Whether the token is one of OAuth's. Raises the 401 of a token that is unknown or has expired."""
        if token == self._credentials.access_token and self.private_app_works:
            return False
        expires_ms = self._expires_ms.get(token)
        if expires_ms is None:
            raise HubSpotFault(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )
        if expires_ms <= self._clock.now_ms():
            raise HubSpotFault(
                401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired 1 second(s) ago."
            )
        return True

    def expire_all(self) -> int:
        """End OAuth's access tokens now; how many there were."""
        ended = [token for token, until in self._expires_ms.items() if until > self._clock.now_ms()]
        for token in ended:
            self._expires_ms[token] = 0
        return len(ended)

    def exchange(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer the token endpoint. Raises HubSpotFault in its shape."""
        known = self._credentials
        if (form.get("client_id"), form.get("client_secret")) != (known.client_id, known.client_secret):
            raise HubSpotFault(400, "BAD_CLIENT_SECRET", "missing or invalid client secret")
        grant = form.get("grant_type")
        if grant == "refresh_token" and form.get("refresh_token") != known.refresh_token:
            raise HubSpotFault(400, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
        if grant == "authorization_code" and form.get("code") != known.authorization_code:
            raise HubSpotFault(400, "BAD_AUTH_CODE", "missing or unknown auth code")
        if grant not in ("refresh_token", "authorization_code"):
            raise HubSpotFault(400, "BAD_GRANT_TYPE", "missing or unknown grant type")
        return self.open()


def routes(tokens: Tokens) -> list[Route]:
    """The token endpoint under its old and its newer name."""

    async def token(request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            return JSONResponse(tokens.exchange(form))
        except HubSpotFault as fault:
            body = {**fault.body(), "status": fault.category}
            return JSONResponse(body, status_code=fault.status)

    return [Route(f"/oauth/{version}/token", token, methods=["POST"]) for version in ("v1", "v3", "2026-03", "2026-09")]
