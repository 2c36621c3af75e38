"""Signing in: the OAuth token endpoint, the SOAP login() of stock clients, who-am-I and introspection.

"Authorize Apps with OAuth" (Salesforce Help); "SOAP API Developer Guide – login()".
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import jwt
from cryptography import x509
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce.credentials import Credentials
from sandbox.salesforce.errors import OAuthFault, invalid_session
from sandbox.salesforce.store import Org

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LONGEST_ASSERTION_S = 300
SCOPE = "api web pardot_api"
_SOAP_SPACES = {
    "soap": "http://schemas.xmlsoap.org/soap/envelope/",
    "partner": "urn:partner.soap.sforce.com",
}


class SignIn:
    """The org's front door for its one connected app and its users."""

    def __init__(self, org: Org, credentials: Credentials) -> None:
        self.org = org
        self.credentials = credentials
        certificate = x509.load_pem_x509_certificate(Path(credentials.certificate_path).read_bytes())
        self._public_key = certificate.public_key()
        self._grants: dict[str, Callable[[Mapping[str, str], str], str]] = {
            "client_credentials": self._client_credentials,
            "password": self._password,
            JWT_GRANT: self._jwt_bearer,
        }

    def grant(self, form: Mapping[str, str], *, basic: str, base_url: str) -> dict[str, Any]:
        """The token reply to a request of the token endpoint. Raises OAuthFault."""
        asked = {**form, **_basic_pair(basic)}
        way = self._grants.get(asked.get("grant_type", ""))
        if way is None:
            raise OAuthFault("unsupported_grant_type", "grant type not supported")
        user_id = way(asked, base_url)
        return self._reply(self.org.sessions.open(user_id), user_id, base_url)

    def user_of_login(self, username: str, password: str) -> str | None:
        """The user id of a name and password; None when they do not belong together."""
        right = self.credentials
        known = username.lower() == right.username.lower() and hmac.compare_digest(
            password.encode(), right.password.encode()
        )
        return self._active_user(username) if known else None

    def check_app(self, asked: Mapping[str, str]) -> None:
        """Raise OAuthFault unless client id and secret are the app's."""
        if asked.get("client_id") != self.credentials.consumer_key:
            raise OAuthFault("invalid_client_id", "client identifier invalid")
        if not hmac.compare_digest(asked.get("client_secret", "").encode(), self.credentials.consumer_secret.encode()):
            raise OAuthFault("invalid_client", "invalid client credentials")

    def _client_credentials(self, asked: Mapping[str, str], _base_url: str) -> str:
        self.check_app(asked)
        return self._active_user(self.credentials.username) or _refused("no client credentials user enabled")

    def _password(self, asked: Mapping[str, str], _base_url: str) -> str:
        self.check_app(asked)
        password = asked.get("password", "").removesuffix(self.credentials.security_token)
        return self.user_of_login(asked.get("username", ""), password) or _refused("authentication failure")

    def _jwt_bearer(self, asked: Mapping[str, str], base_url: str) -> str:
        audiences = [*AUDIENCES, base_url, self.credentials.login_url]
        try:
            claims = jwt.decode(
                asked.get("assertion", ""),
                self._public_key,  # type: ignore[arg-type]  # the certificate was made here, its key is RSA
                algorithms=["RS256"],
                audience=audiences,
                options={"require": ["iss", "sub", "aud", "exp"]},
            )
        except jwt.InvalidAudienceError as error:
            raise OAuthFault("invalid_grant", "audience is invalid") from error
        except jwt.ExpiredSignatureError as error:
            raise OAuthFault("invalid_grant", "assertion is expired") from error
        except jwt.InvalidTokenError as error:
            raise OAuthFault("invalid_grant", "invalid assertion") from error
        if claims["iss"] != self.credentials.consumer_key:
            raise OAuthFault("invalid_client_id", "client identifier invalid")
        if float(claims["exp"]) > time.time() + LONGEST_ASSERTION_S:
            raise OAuthFault("invalid_grant", "assertion lives too long")
        if str(claims["sub"]).lower() != self.credentials.username.lower():
            raise OAuthFault("invalid_grant", "user hasn't approved this consumer")
        return self._active_user(str(claims["sub"])) or _refused("inactive user")

    def _active_user(self, username: str) -> str | None:
        with self.org.cursor() as cursor:
            sql = 'select "Id" from "User" where lower("Username") = lower(?) and "IsActive"'
            row = cursor.execute(sql, [username]).fetchone()
        return str(row[0]) if row else None

    def _reply(self, token: str, user_id: str, base_url: str) -> dict[str, Any]:
        issued_at = str(int(time.time() * 1000))
        identity = f"{base_url}/id/{self.org.id}/{user_id}"
        signed = (identity + issued_at).encode()
        digest = hmac.new(self.credentials.consumer_secret.encode(), signed, hashlib.sha256).digest()
        return {
            "access_token": token,
            "signature": base64.b64encode(digest).decode(),
            "scope": SCOPE,
            "instance_url": self.org.public_url or base_url,
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued_at,
        }


def routes(org: Org, sign_in: SignIn) -> list[Route]:
    """`/services/oauth2/…`, `/services/Soap/u/…` and `/id/…`."""

    async def token(request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        basic, base_url = request.headers.get("authorization", ""), _base_url(request)
        reply = await run_in_threadpool(sign_in.grant, form, basic=basic, base_url=base_url)
        return JSONResponse(reply, headers={"Cache-Control": "no-store"})

    async def introspect(request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        sign_in.check_app({**form, **_basic_pair(request.headers.get("authorization", ""))})
        return JSONResponse(_introspection(org, sign_in, form.get("token", "")))

    async def revoke(request: Request) -> Response:
        form = await request.form()
        closed = org.sessions.close(str(form.get("token") or request.query_params.get("token", "")))
        if not closed:
            raise OAuthFault("unsupported_token_type", "this token type is not supported")
        return Response(status_code=200)

    def userinfo(request: Request) -> Response:
        token_text = request.headers.get("authorization", "").removeprefix("Bearer ")
        session = org.sessions.use(token_text, idle_s=org.reading.session_s)
        return JSONResponse(_userinfo(org, session.user_id, org.public_url or _base_url(request)))

    async def soap(request: Request) -> Response:
        body = await request.body()
        status, text = await run_in_threadpool(_soap_login, org, sign_in, body, _base_url(request), request.url.path)
        return Response(text, status_code=status, media_type="text/xml; charset=utf-8")

    return [
        Route("/services/oauth2/token", token, methods=["POST"]),
        Route("/services/oauth2/introspect", introspect, methods=["POST"]),
        Route("/services/oauth2/revoke", revoke, methods=["POST"]),
        Route("/services/oauth2/userinfo", userinfo, methods=["GET", "POST"]),
        Route("/id/{organization}/{user}", userinfo, methods=["GET"]),
        Route("/services/Soap/u/{version}", soap, methods=["POST"]),
        Route("/services/Soap/c/{version}", soap, methods=["POST"]),
    ]


def _base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _refused(description: str) -> str:
    raise OAuthFault("invalid_grant", description)


def _basic_pair(header: str) -> dict[str, str]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": client_id, "client_secret": secret}


def _introspection(org: Org, sign_in: SignIn, token: str) -> dict[str, Any]:
    session = org.sessions.find(token)
    left = 0.0 if session is None else org.reading.session_s - (time.monotonic() - session.used_at)
    if session is None or left <= 0:
        return {"active": False}
    now = int(time.time())
    return {
        "active": True,
        "scope": SCOPE,
        "client_id": sign_in.credentials.consumer_key,
        "username": sign_in.credentials.username,
        "sub": f"{org.public_url or ''}/id/{org.id}/{session.user_id}",
        "token_type": "access_token",
        "exp": now + int(left),
        "iat": now - int(time.monotonic() - session.opened_at),
    }


def _userinfo(org: Org, user_id: str, base_url: str) -> dict[str, Any]:
    with org.cursor() as cursor:
        sql = (
            'select "Username", concat_ws(\' \', "FirstName", "LastName"), "Email", "TimeZoneSidKey", "LocaleSidKey" '
            'from "User" where "Id" = ?'
        )
        row = cursor.execute(sql, [user_id]).fetchone()
    if row is None:
        raise invalid_session()
    rest = f"{base_url}/services/data/v{{version}}"
    return {
        "sub": f"{base_url}/id/{org.id}/{user_id}",
        "user_id": user_id,
        "organization_id": org.id,
        "preferred_username": row[0],
        "name": row[1],
        "email": row[2],
        "zoneinfo": row[3],
        "locale": row[4],
        "active": True,
        "urls": {
            "rest": f"{rest}/",
            "sobjects": f"{rest}/sobjects/",
            "query": f"{rest}/query/",
            "custom_domain": base_url,
        },
    }


def _soap_login(org: Org, sign_in: SignIn, body: bytes, base_url: str, path: str) -> tuple[int, str]:
    try:
        tree = ElementTree.fromstring(body)
    except (ElementTree.ParseError, DefusedXmlException):
        return 500, _soap_fault("UNKNOWN_EXCEPTION", "The request is not a SOAP envelope")
    login = tree.find("soap:Body/partner:login", _SOAP_SPACES)
    if login is None:
        return 500, _soap_fault("INVALID_OPERATION", "Only login is served here")
    username = login.findtext("partner:username", "", _SOAP_SPACES)
    given = login.findtext("partner:password", "", _SOAP_SPACES)
    password = given.removesuffix(sign_in.credentials.security_token)
    user_id = sign_in.user_of_login(username, password)
    if user_id is None:
        text = "Invalid username, password, security token; or user locked out."
        return 500, _soap_fault("INVALID_LOGIN", text)
    named = tree.findtext("soap:Header/partner:LoginScopeHeader/partner:organizationId", "", _SOAP_SPACES)
    if password == given and named[:15] != org.id:
        text = "LOGIN_MUST_USE_SECURITY_TOKEN: append the security token to the password."
        return 500, _soap_fault("LOGIN_MUST_USE_SECURITY_TOKEN", text)
    server = f"{org.public_url or base_url}{path}/{org.id}"
    about = _userinfo(org, user_id, base_url)
    return 200, _soap_reply(server, org.sessions.open(user_id), user_id, about, org)


def _soap_reply(server: str, token: str, user_id: str, about: Mapping[str, Any], org: Org) -> str:
    info = {
        "organizationId": org.id,
        "organizationName": "Sandbox",
        "userEmail": about["email"],
        "userFullName": about["name"],
        "userId": user_id,
        "userName": about["preferred_username"],
        "userTimeZone": about["zoneinfo"],
    }
    members = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in info.items())
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com">'
        f"<soapenv:Body><loginResponse><result><metadataServerUrl>{escape(server.replace('/u/', '/m/'))}"
        f"</metadataServerUrl><passwordExpired>false</passwordExpired><sandbox>false</sandbox><serverUrl>{escape(server)}"
        f"</serverUrl><sessionId>{escape(token)}</sessionId><userId>{user_id}</userId><userInfo>{members}</userInfo>"
        "</result></loginResponse></soapenv:Body></soapenv:Envelope>"
    )


def _soap_fault(code: str, message: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:sf="urn:fault.partner.soap.sforce.com">'
        f"<soapenv:Body><soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}"
        f"</faultstring><detail><sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>"
        f"{escape(message)}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault></soapenv:Body>"
        "</soapenv:Envelope>"
    )
