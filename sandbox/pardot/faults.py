"""The bad days of a business unit: its refusals in their exact shape, and records that are refused."""

import json
from typing import Annotated

from pydantic import Field, TypeAdapter

from sandbox.control import ControlError
from sandbox.faults import HttpFault
from sandbox.pardot.errors import PardotFault
from sandbox.pardot.writing import RowFault
from sandbox.presets import Preset, fault_reader

_REFUSALS = {
    "concurrent_limit": (66, 400),
    "concurrent_limit_429": (66, 429),
    "daily_limit": (122, 400),
    "daily_limit_429": (122, 429),
    "conflict": (62, 400),
    "invalid_token": (184, 401),
    "access_denied": (49, 403),
}
_PAGES = {"bad_gateway": (502, "<html><body>502 Bad Gateway</body></html>"), "gateway_timeout": (504, "")}
PRESETS = (*_REFUSALS, *_PAGES)


class PresetFault(Preset):
    """As Account Engagement refuses."""

    def _refusal(self) -> tuple[int, str, dict[str, str]]:
        if self.preset in _REFUSALS:
            code, status = _REFUSALS[self.preset]
            return status, json.dumps(PardotFault(code).body()), {"content-type": "application/json"}
        if self.preset in _PAGES:
            return *_PAGES[self.preset], {"content-type": "text/html"}
        raise ControlError(f"preset: {self.preset!r} is not one of {', '.join(sorted(PRESETS))}")


PARDOT_FAULT: TypeAdapter[HttpFault | RowFault] = TypeAdapter(
    Annotated[HttpFault | RowFault, Field(discriminator="kind")]
)
read_fault = fault_reader(PresetFault, PARDOT_FAULT)
