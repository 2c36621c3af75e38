"""Where HubSpot is and how to sign in: a private app's token (or a service key), or OAuth."""

from __future__ import annotations

from dataclasses import dataclass, field

from crm_patterns.core.errors import FixSettings

PUBLIC_URL = "https://api.hubapi.com"
TOKEN_PATH = "/oauth/v3/token"  # noqa: S105 - a path


@dataclass(frozen=True)
class HubSpotConnection:
    """
    The settings of one connection. Empty text counts as not given; with `refresh_token` it is OAuth.

    `base_url` has scheme, host and port. Times are in seconds.
    """

    base_url: str = PUBLIC_URL
    access_token: str | None = field(default=None, repr=False)
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    token_path: str = TOKEN_PATH
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0

    @property
    def url(self) -> str:
        """The base URL without a trailing slash. FixSettings where it has no scheme."""
        url = (self.base_url or PUBLIC_URL).strip().rstrip("/")
        if not url.startswith(("https://", "http://")):
            raise FixSettings(f"The HubSpot address {url} has no scheme.", fix=f"Give it like {PUBLIC_URL}.")
        return url

    @property
    def is_oauth(self) -> bool:
        """Which way to sign in. FixSettings where none is complete."""
        if self.refresh_token:
            if self.client_id and self.client_secret:
                return True
            raise FixSettings(
                "The HubSpot connection has a refresh_token without the app it belongs to.",
                fix="Give the app's client id as login and its client secret as password.",
            )
        if self.access_token:
            return False
        raise FixSettings(
            "The HubSpot connection holds no way to sign in.",
            fix="Give the private app's access token as password; or, for OAuth, the client id as login, the client "
            "secret as password and refresh_token as an extra.",
        )
