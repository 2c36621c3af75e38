"""Access tokens: the private app's as it is, OAuth's from the refresh token, anew before they expire."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import httpx

from crm_patterns.clients.auth import ServerClock, Token
from crm_patterns.clients.hubspot.connection import HubSpotConnection
from crm_patterns.clients.hubspot.errors import BY_CATEGORY, Refused, judge
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.transport import Call, Transport
from crm_patterns.core.errors import FixSettings

MARGIN_S = 120.0
"""A token is not used in the last two minutes of its life, or in its last tenth where that is shorter."""


def signer_in(connection: HubSpotConnection, http: httpx.Client, *, patience: Patience) -> Callable[[], Token]:
    """A function that signs in anew each time it is called. FixSettings at once where the settings are incomplete."""
    if not connection.is_oauth:
        return _given_token(connection)
    transport = Transport(http, judge=judge, patience=patience)
    return lambda: _refresh(connection, transport)


def _given_token(connection: HubSpotConnection) -> Callable[[], Token]:
    token, refusal = Token(str(connection.access_token), connection.url), BY_CATEGORY["INVALID_AUTHENTICATION"]
    handed_out = False

    def hand_out() -> Token:
        nonlocal handed_out
        if handed_out:
            raise FixSettings(f"HubSpot at {connection.url} does not accept the access token.", fix=refusal.fix)
        handed_out = True
        return token

    return hand_out


def _refresh(connection: HubSpotConnection, transport: Transport) -> Token:
    form = {
        "grant_type": "refresh_token",
        "client_id": str(connection.client_id),
        "client_secret": str(connection.client_secret),
        "refresh_token": str(connection.refresh_token),
    }
    try:
        reply = transport.send(
            Call("POST", f"{connection.url}{connection.token_path}", "the sign-in (OAuth)", form=form)
        )
        answer = json.loads(reply.body)
        life_s = float(answer["expires_in"])
        secret = str(answer["access_token"])
    except Refused as error:
        raise FixSettings(error.problem, fix="Check login, password and refresh_token on the connection.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise FixSettings(f"{connection.url} answered, but not like HubSpot.", fix="Check the host.") from error
    fades_at_s = time.monotonic() + life_s - min(MARGIN_S, life_s * 0.1)
    return Token(secret, connection.url, ServerClock.of(reply.headers), fades_at_s)
