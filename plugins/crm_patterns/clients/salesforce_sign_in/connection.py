"""Where a Salesforce org is and how to sign in: every way that the Airflow provider's connection form offers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crm_patterns.core.errors import FixSettings

DEFAULT_VERSION = "62.0"


class SignIn(StrEnum):
    """The ways to sign in, in the order in which they are chosen from the fields that are filled in."""

    SESSION = "session"  # session_id + instance or instance_url
    SOAP = "soap"  # username + password + security_token (or organization_id, or a trusted address); no consumer key
    JWT = "jwt"  # consumer_key + private key + username
    PASSWORD = "password"  # noqa: S105 - consumer_key + consumer_secret + username + password: OAuth
    CLIENT_CREDENTIALS = "client_credentials"  # consumer_key + consumer_secret


@dataclass(frozen=True)
class SalesforceConnection:
    """
    The settings of one connection. Empty text counts as not given.

    `login_url` is the full URL of the authorization host (scheme and port as given) and wins over `domain`, which is
    `login`, `test` or a My Domain name and stands for `https://<domain>.salesforce.com`. After sign-in every call goes
    to the instance URL of the token's answer. `sign_in` forces one way where the fields would allow several. Times are
    in seconds. `proxies` is a mapping of scheme to URL, its JSON text, or one URL for both.
    """

    login_url: str | None = None
    domain: str | None = None
    instance: str | None = None
    instance_url: str | None = None
    version: str = DEFAULT_VERSION
    consumer_key: str | None = None
    consumer_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    private_key_file_path: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    security_token: str | None = field(default=None, repr=False)
    organization_id: str | None = None
    session_id: str | None = field(default=None, repr=False)
    sign_in: str | None = None
    proxies: Mapping[str, str] | str | None = field(default=None, repr=False)
    client_name: str = "crm-patterns"
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 130.0  # Salesforce itself ends a synchronous query after 120 s

    @property
    def api_version(self) -> str:
        """`62.0`, whether it was given as 62, 62.0 or v62.0."""
        text = self.version.strip().lower().removeprefix("v") or DEFAULT_VERSION
        try:
            return f"{float(text):.1f}"
        except ValueError:
            raise FixSettings(
                f"The API version {self.version!r} is not a number.", fix=f"Give it like {DEFAULT_VERSION}."
            ) from None

    @property
    def authorization_host(self) -> str:
        """Base URL for signing in, without a trailing slash."""
        if self.login_url:
            url = self.login_url.strip().rstrip("/")
            if not url.startswith(("https://", "http://")):
                raise FixSettings(f"login_url {url} has no scheme.", fix="Give the full URL, for example https://…")
            return url
        domain = (self.domain or "login").strip().rstrip("/").removeprefix("https://").removesuffix(".salesforce.com")
        return f"https://{domain}.salesforce.com"

    @property
    def direct_url(self) -> str | None:
        """The instance's base URL where the connection itself names it."""
        if self.instance_url:
            return self.instance_url.strip().rstrip("/")
        return f"https://{self.instance.strip()}" if self.instance else None

    @property
    def way(self) -> SignIn:
        """How to sign in. FixSettings where no way is complete."""
        if self.sign_in:
            return self._forced()
        person = bool(self.username and self.password)
        app = bool(self.consumer_key and self.consumer_secret)
        if self.session_id and self.direct_url:
            return SignIn.SESSION
        if person and (self.security_token or self.organization_id):
            return SignIn.SOAP
        if self.consumer_key and self.username and (self.private_key or self.private_key_file_path):
            return SignIn.JWT
        if app and person:
            return SignIn.PASSWORD
        if person:
            return SignIn.SOAP
        if app:
            return SignIn.CLIENT_CREDENTIALS
        raise FixSettings(
            "The Salesforce connection holds no complete way to sign in.",
            fix="Fill in consumer_key and consumer_secret; or consumer_key, username and a private key; or username, "
            "password and security_token; or session_id and instance_url.",
        )

    def _forced(self) -> SignIn:
        try:
            return SignIn(str(self.sign_in))
        except ValueError:
            raise FixSettings(
                f"sign_in {self.sign_in!r} is not known.", fix=f"Use one of {', '.join(SignIn)}, or leave it out."
            ) from None

    @property
    def proxy_by_scheme(self) -> dict[str, str]:
        """Proxy URLs by scheme (`http`, `https`)."""
        given = self.proxies
        if isinstance(given, str):
            text = given.strip()
            if text and not text.startswith("{"):
                return {"http": text, "https": text}
            try:
                given = json.loads(text) if text else None
            except ValueError:
                raise FixSettings(
                    "proxies is not valid JSON.", fix='Write it like {"https": "http://proxy:3128"}.'
                ) from None
        return {scheme.removesuffix("://"): url for scheme, url in (given or {}).items() if url}
