"""Access tokens of a custom service, which Marketo hands out again until they are over."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from crm_patterns.clients.auth import ServerClock, Token
from crm_patterns.clients.marketo.connection import MarketoConnection
from crm_patterns.clients.marketo.errors import judge
from crm_patterns.clients.marketo.wire import read_body
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.transport import Call, Transport
from crm_patterns.core.errors import FixSettings

MARGIN_S = 60.0
"""A token is not used in the last minute of its life, or in its last tenth where that is shorter."""


def signer_in(connection: MarketoConnection, http: httpx.Client, *, patience: Patience) -> Callable[[], Token]:
    """A function that asks for a token each time it is called. FixSettings at once where settings are incomplete."""
    base_url, (client_id, client_secret) = connection.url, connection.service
    transport = Transport(http, judge=judge, patience=patience)
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}

    def sign_in() -> Token:
        reply = transport.send(Call("POST", f"{base_url}/identity/oauth/token", "the sign-in", form=form))
        answer = read_body(reply.body) or {}
        try:
            secret, life_s = str(answer["access_token"]), float(answer["expires_in"])
        except (KeyError, ValueError, TypeError) as error:
            raise FixSettings(f"{base_url} answered, but not like Marketo.", fix="Check the host.") from error
        fades_at_s = time.monotonic() + life_s - min(MARGIN_S, life_s * 0.1)
        return Token(secret, base_url, ServerClock.of(reply.headers), fades_at_s)

    return sign_in
