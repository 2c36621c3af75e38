"""Who answered a campaign of a marketing platform: what becomes a campaign member in the CRM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from crm_patterns.core.windows import Window


@dataclass(frozen=True, slots=True)
class CampaignResponse:
    """
    A person came to this status in a campaign, at this time (UTC).

    `person_id` is the platform's id, `campaign_key` its name or id of the campaign, `status` the platform's own word.
    """

    person_id: str
    campaign_key: str
    status: str
    at: datetime


class ResponseSource(Protocol):
    """A platform that tells responses. Raises the errors of `crm_patterns.core.errors`."""

    def responses(self, window: Window) -> Iterator[CampaignResponse]:
        """Those of the window, oldest first, each once."""
