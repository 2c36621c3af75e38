"""Which business unit of Account Engagement, and how to sign in: as to Salesforce, whose tokens it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.errors import FixSettings

PUBLIC_URL = "https://pi.pardot.com"

_UNIT = re.compile(r"0Uv[A-Za-z0-9]{15}")


@dataclass(frozen=True)
class PardotConnection:
    """
    The settings of one connection.

    `base_url` has scheme, host and port; developer orgs and Salesforce sandboxes are at `pi.demo.pardot.com`.
    `time_zone` is the account's, by whose days calls are counted; empty: that of the API user is taken for it.
    """

    salesforce: SalesforceConnection
    business_unit_id: str = ""
    base_url: str = PUBLIC_URL
    time_zone: str = ""

    @property
    def url(self) -> str:
        """The base URL without a trailing slash. FixSettings where it has no scheme."""
        url = (self.base_url or PUBLIC_URL).strip().rstrip("/")
        if not url.startswith(("https://", "http://")):
            raise FixSettings(f"The address {url} of Account Engagement has no scheme.", fix=f"Like {PUBLIC_URL}.")
        return url

    @property
    def unit(self) -> str:
        """The business unit's id. FixSettings where it is none."""
        unit = self.business_unit_id.strip()
        if not _UNIT.fullmatch(unit):
            raise FixSettings(
                f"The business unit id {unit!r} is not one." if unit else "The business unit id is missing.",
                fix="Give the 18 characters that begin with 0Uv: Salesforce Setup, Business Unit Setup.",
            )
        return unit

    @property
    def zone(self) -> ZoneInfo | None:
        """FixSettings where the name is not known."""
        if not self.time_zone:
            return None
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise FixSettings(f"There is no time zone {self.time_zone!r}.", fix="Like America/New_York.") from error
