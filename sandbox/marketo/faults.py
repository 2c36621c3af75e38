"""The bad days of a Marketo instance: its refusals by code, and leads that are skipped."""

import json
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from sandbox.control import ControlError
from sandbox.faults import Fault, HttpFault
from sandbox.marketo.errors import MESSAGES, MarketoFault
from sandbox.presets import Preset, fault_reader

_HTML = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
_PAGES = {"bad_gateway": (502, _HTML), "gateway_timeout": (504, ""), "unavailable": (503, _HTML)}


class RowFault(Fault):
    """A lead whose `field` holds `matches` is skipped with this code."""

    kind: Literal["row_failure"]
    field: str
    matches: str
    code: str = "1022"
    message: str = "Object in use"


class PresetFault(Preset):
    """As Marketo refuses: `preset` is a code (`606`), answered 200, or a page of the servers before it."""

    def _refusal(self) -> tuple[int, str, dict[str, str]]:
        if self.preset in MESSAGES:
            body = json.dumps(MarketoFault(self.preset).body())
            return 200, body, {"content-type": "application/json;charset=UTF-8"}
        if self.preset in _PAGES:
            return *_PAGES[self.preset], {"content-type": "text/html"}
        raise ControlError(f"preset: {self.preset!r} is not one of {', '.join([*MESSAGES, *_PAGES])}")


MARKETO_FAULT: TypeAdapter[HttpFault | RowFault] = TypeAdapter(
    Annotated[HttpFault | RowFault, Field(discriminator="kind")]
)
read_fault = fault_reader(PresetFault, MARKETO_FAULT)
