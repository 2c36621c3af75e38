"""The bad days of a HubSpot account: its refusals in their exact shape, and records that are refused."""

import json
import uuid
from typing import Annotated

from pydantic import Field, TypeAdapter

from sandbox.control import ControlError
from sandbox.faults import HttpFault
from sandbox.hubspot.errors import HubSpotFault, RateLimited
from sandbox.hubspot.writing import RowFault
from sandbox.presets import Preset, fault_reader

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
_RATES = {
    "ten_secondly_limit": "TEN_SECONDLY_ROLLING",
    "secondly_limit": "SECONDLY",
    "daily_limit": "DAILY",
}
_REFUSALS = {
    "expired_authentication": (
        401,
        "EXPIRED_AUTHENTICATION",
        "The OAuth token used to make this call expired 5 second(s) ago.",
    ),
    "invalid_authentication": (401, "INVALID_AUTHENTICATION", "Authentication credentials not found."),
    "missing_scopes": (403, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call."),
    "locked": (423, "LOCKED", "This resource is locked by another operation."),
    "migration": (477, "MIGRATION_IN_PROGRESS", "This account is being moved to another data center."),
    "server_error": (500, "INTERNAL_ERROR", "internal error"),
    "unavailable": (503, "SERVICE_UNAVAILABLE", "Service temporarily unavailable"),
}
_PAGES = {"bad_gateway": (502, _HTML), "gateway_timeout": (504, ""), "edge_timeout": (524, "error code: 524"), "edge_530": (530, "error code: 1016")}  # noqa: E501 # fmt: skip
PRESETS = (*_RATES, *_REFUSALS, *_PAGES)


class PresetFault(Preset):
    """As HubSpot refuses."""

    def _refusal(self) -> tuple[int, str, dict[str, str]]:
        as_json = {"content-type": "application/json;charset=utf-8"}
        if self.preset in _RATES:
            body = RateLimited(_RATES[self.preset]).body() | {"correlationId": str(uuid.uuid4())}
            return 429, json.dumps(body), as_json
        if self.preset in _REFUSALS:
            fault = HubSpotFault(*_REFUSALS[self.preset])
            return fault.status, json.dumps(fault.body()), as_json
        if self.preset in _PAGES:
            return *_PAGES[self.preset], {"content-type": "text/html"}
        raise ControlError(f"preset: {self.preset!r} is not one of {', '.join(sorted(PRESETS))}")


HUBSPOT_FAULT: TypeAdapter[HttpFault | RowFault] = TypeAdapter(
    Annotated[HttpFault | RowFault, Field(discriminator="kind")]
)
read_fault = fault_reader(PresetFault, HUBSPOT_FAULT)
