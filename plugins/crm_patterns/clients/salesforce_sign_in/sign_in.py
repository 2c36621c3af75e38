"""The ways to sign in to Salesforce: OAuth (client credentials, JWT bearer, password), SOAP login, a given session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import httpx

from crm_patterns.clients.auth import ServerClock, Token
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce_sign_in.answers import read_problem
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection, SignIn
from crm_patterns.clients.transport import Call, Reply, Transport
from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater

_JWT_LIFETIME_S = 180
_SOAP_BODY = """<?xml version="1.0" encoding="utf-8"?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/" xmlns:urn="urn:partner.soap.sforce.com">
<env:Header><urn:CallOptions><urn:client>{client}</urn:client></urn:CallOptions>{scope}</env:Header>
<env:Body><urn:login><urn:username>{username}</urn:username><urn:password>{password}</urn:password></urn:login></env:Body>
</env:Envelope>"""

FIXES: dict[str, str] = {
    "invalid_grant": "Check the user name, password and security token, that the user is active and allowed to use the "
    "app; for a key pair, that the certificate on the app belongs to the key and has not expired, and that this "
    "machine's clock is right (the signed request is good for three minutes).",
    "invalid_client_id": "Check consumer_key; a newly made app needs up to ten minutes.",
    "invalid_client": "Check consumer_key and consumer_secret.",
    "unsupported_grant_type": "Allow this OAuth flow on the app, or sign in another way.",
    "oauth_flow_disabled": "Allow this OAuth flow on the app and in Setup, OAuth and OpenID Connect Settings.",
    "invalid_request": "Give domain or login_url of your My Domain; client credentials also need a run-as user on the "
    "app.",
    "invalid_app_access": "Pre-authorize the user's profile or permission set for the app.",
    "inactive_user": "Activate the user, or use another one.",
    "inactive_org": "The org is closed or locked; ask its administrator.",
    "INVALID_LOGIN": "Check user name, password and security token on the connection, and that the user is active.",
    "LOGIN_MUST_USE_SECURITY_TOKEN": "Add the user's security_token to the connection, or trust this network.",
    "API_DISABLED_FOR_ORG": "Enable the API for the user: API Enabled in the profile or a permission set.",
    "PASSWORD_EXPIRED": "Set a new password for the user and put it on the connection.",
}

_PASSING = frozenset({"rate_limit_exceeded", "LOGIN_RATE_EXCEEDED", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"})


def signer_in(
    connection: SalesforceConnection, http: httpx.Client, *, patience: Patience, clock: Callable[[], float] = time.time
) -> Callable[[], Token]:
    """A function that signs in anew each time it is called. FixSettings at once where the settings are incomplete."""
    transport = Transport(http, judge=judge_sign_in, patience=patience)
    way = connection.way
    if way is SignIn.SESSION:
        return _given_session(connection)
    if way is SignIn.SOAP:
        return lambda: _soap_login(connection, transport)
    if way is SignIn.JWT:
        return lambda: _ask(connection, transport, jwt_form(connection, int(clock())))
    if way is SignIn.PASSWORD:
        return lambda: _ask(connection, transport, password_form(connection))
    return lambda: _ask(connection, transport, {"grant_type": "client_credentials", **_app(connection)})


def judge_sign_in(call: Call, reply: Reply) -> IntegrationError | None:
    """OAuth answers errors as an object with `error`, SOAP as a fault with an exceptionCode."""
    if reply.status == httpx.codes.OK:
        return None
    problem = read_problem(reply.body)
    code, text = problem.code, problem.text
    if not code and b"Fault" in reply.body:
        code, text = _soap_text(reply.body, "exceptionCode"), _soap_text(reply.body, "exceptionMessage")
    sentence = (
        f"Salesforce at {reply.host} refused {call.about}: {text or f'HTTP {reply.status}'} ({code or reply.status})."
    )
    if code in FIXES:
        return FixSettings(sentence, fix=FIXES[code])
    if code in _PASSING or reply.status >= 500 or reply.status == httpx.codes.TOO_MANY_REQUESTS:
        return RetryLater(sentence, retry_after_s=reply.retry_after_s)
    return FixSettings(sentence, fix="Check login_url or domain and the credentials on the connection.")


def _ask(connection: SalesforceConnection, transport: Transport, form: dict[str, str]) -> Token:
    call = Call(
        "POST", f"{connection.authorization_host}/services/oauth2/token", f"the sign-in ({connection.way})", form=form
    )
    reply = transport.send(call)
    try:
        answer = json.loads(reply.body)
        return Token(answer["access_token"], answer["instance_url"].rstrip("/"), ServerClock.of(reply.headers))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _not_salesforce(connection) from error


def _app(connection: SalesforceConnection) -> dict[str, str]:
    return {
        "client_id": _need(connection, "consumer_key", connection.consumer_key),
        "client_secret": _need(connection, "consumer_secret", connection.consumer_secret),
    }


def password_form(connection: SalesforceConnection) -> dict[str, str]:
    """The token request of OAuth's password flow; the security token follows the password without a gap."""
    password = _need(connection, "password", connection.password) + (connection.security_token or "")
    username = _need(connection, "username", connection.username)
    return {"grant_type": "password", **_app(connection), "username": username, "password": password}


def jwt_form(connection: SalesforceConnection, now: int) -> dict[str, str]:
    """The token request of the JWT bearer flow, good for three minutes from `now` (seconds since the epoch)."""
    import jwt  # with the cryptography it brings, a tenth of a second that the other ways need not spend

    claims = {
        "iss": _need(connection, "consumer_key", connection.consumer_key),
        "sub": _need(connection, "username", connection.username),
        "aud": connection.authorization_host,
        "exp": now + _JWT_LIFETIME_S,
    }
    try:
        assertion = jwt.encode(claims, _private_key(connection), algorithm="RS256")
    except (jwt.InvalidKeyError, ValueError, TypeError) as error:
        raise FixSettings(
            "The private key on the Salesforce connection is not a readable RSA key.",
            fix="Give an unencrypted PEM text in private_key, or its file in private_key_file_path.",
        ) from error
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}


def _private_key(connection: SalesforceConnection) -> str:
    if connection.private_key:
        return connection.private_key.replace("\\n", "\n")
    path = Path(_need(connection, "private_key_file_path", connection.private_key_file_path))
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise FixSettings(
            f"The private key file {path} cannot be read: {error}.",
            fix="Correct private_key_file_path on the connection, or the file's permissions.",
        ) from error


def _given_session(connection: SalesforceConnection) -> Callable[[], Token]:
    url = connection.direct_url
    if url is None:
        raise FixSettings("A session id needs instance or instance_url.", fix="Add one of them to the connection.")
    token = Token(_need(connection, "session_id", connection.session_id), url)
    handed_out = False

    def hand_out() -> Token:
        nonlocal handed_out
        if handed_out:
            raise FixSettings(
                f"The session id given for {urlsplit(url).netloc} is not valid any more, and it cannot be renewed.",
                fix="Give a new session_id, or a way to sign in that can be repeated.",
            )
        handed_out = True
        return token

    return hand_out


def _soap_login(connection: SalesforceConnection, transport: Transport) -> Token:
    organization = connection.organization_id
    scope = (
        f"<urn:LoginScopeHeader><urn:organizationId>{escape(organization)}</urn:organizationId></urn:LoginScopeHeader>"
        if organization
        else ""
    )
    body = _SOAP_BODY.format(
        client=escape(connection.client_name),
        scope=scope,
        username=escape(_need(connection, "username", connection.username)),
        password=escape(_need(connection, "password", connection.password) + (connection.security_token or "")),
    )
    call = Call(
        "POST",
        f"{connection.authorization_host}/services/Soap/u/{connection.api_version}",
        f"the sign-in ({connection.way})",
        content=body.encode(),
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": "login"},
    )
    reply = transport.send(call)
    secret, server = _soap_text(reply.body, "sessionId"), urlsplit(_soap_text(reply.body, "serverUrl"))
    if not secret or not server.netloc:
        raise _not_salesforce(connection)
    return Token(secret, f"{server.scheme}://{server.netloc}", ServerClock.of(reply.headers))


def _soap_text(body: bytes, name: str) -> str:
    """The text of the first element of this local name; empty where there is none."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - expat bounds entity expansion; the host is the user's own
    except ElementTree.ParseError:
        return ""
    return next((el.text or "" for el in root.iter() if el.tag.rpartition("}")[2] == name), "")


def _need(connection: SalesforceConnection, name: str, value: str | None) -> str:
    if not value:
        raise FixSettings(f"Signing in by {connection.way} needs {name}.", fix="Add it to the Salesforce connection.")
    return value


def _not_salesforce(connection: SalesforceConnection) -> FixSettings:
    return FixSettings(
        f"{connection.authorization_host} answered, but not like Salesforce.", fix="Check login_url or domain."
    )
