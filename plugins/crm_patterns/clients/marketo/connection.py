"""Where a Marketo instance is, and the custom service that signs in to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from crm_patterns.core.errors import FixSettings

_MUNCHKIN = re.compile(r"\d{3}-[A-Za-z]{3}-\d{3}")
DAILY_CALLS = 50_000


@dataclass(frozen=True)
class MarketoConnection:
    """
    The settings of one connection. Empty text counts as not given.

    `base_url` has scheme, host and port, or is the Munchkin id of the instance. `daily_calls` is what the subscription
    allows, which Marketo does not tell. `first_lead_on`: no lead is older; it saves the first load empty extracts.
    Times are in seconds.
    """

    base_url: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    partition: str = ""
    daily_calls: int = DAILY_CALLS
    first_lead_on: date | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 120.0

    @property
    def url(self) -> str:
        """The base URL as all calls want it. FixSettings where there is none, or it has no scheme."""
        url = (self.base_url or "").strip().rstrip("/")
        for copied in ("/rest", "/identity"):  # Marketo's own page shows the addresses with these
            url = url.removesuffix(copied)
        if found := _MUNCHKIN.fullmatch(url.removeprefix("https://")):
            return f"https://{found[0].lower()}.mktorest.com"
        if not url.startswith(("https://", "http://")):
            raise FixSettings(
                f"The Marketo connection has no usable host ({url or 'empty'}).",
                fix="Give the Munchkin id, or the REST endpoint of Admin, Web Services, like "
                "https://123-abc-456.mktorest.com.",
            )
        return url

    @property
    def service(self) -> tuple[str, str]:
        """Client id and secret. FixSettings where one is missing."""
        if self.client_id and self.client_secret:
            return self.client_id, self.client_secret
        raise FixSettings(
            "The Marketo connection holds no way to sign in.",
            fix="Give the client id of a custom service (Admin, LaunchPoint) as login, its client secret as password.",
        )
