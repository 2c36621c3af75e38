"""The bad days of a HubSpot account: its refusals in their exact shape, and records that are refused."""

import json
import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from sandbox.control import ControlError
from sandbox.faults import Fault, HttpFault
from sandbox.hubspot.errors import HubSpotFault, RateLimited
from sandbox.hubspot.writing import RowFault

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


class PresetFault(BaseModel):
    """A refusal in the shape HubSpot gives it; where it hits is said as for any fault of the wire."""

    model_config = ConfigDict(extra="forbid")

    preset: str
    method: str = ""
    path: str = ""
    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=1, ge=1)
    retry_after: int | None = Field(default=None, ge=0)

    def as_http_fault(self) -> HttpFault:
        """The same as a `status` fault; raises ControlError for an unknown preset."""
        status, body, content_type = self._answer()
        headers = {"content-type": content_type}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return HttpFault(
            kind="status",
            label=self.preset,
            status=status,
            headers=headers,
            body=body,
            **self.model_dump(include={"method", "path", "skip", "count"}),
        )

    def _answer(self) -> tuple[int, str, str]:
        json_type = "application/json;charset=utf-8"
        if self.preset in _RATES:
            body = RateLimited(_RATES[self.preset]).body() | {"correlationId": str(uuid.uuid4())}
            return 429, json.dumps(body), json_type
        if self.preset in _REFUSALS:
            fault = HubSpotFault(*_REFUSALS[self.preset])
            return fault.status, json.dumps(fault.body()), json_type
        if self.preset in _PAGES:
            return *_PAGES[self.preset], "text/html"
        raise ControlError(f"preset: {self.preset!r} is not one of {', '.join(sorted(PRESETS))}")


HUBSPOT_FAULT: TypeAdapter[HttpFault | RowFault] = TypeAdapter(
    Annotated[HttpFault | RowFault, Field(discriminator="kind")]
)


async def read_fault(request: Request) -> Fault:
    """The body of POST /__sandbox__/faults: a preset, or a fault by its `kind`. Raises ControlError for all else."""
    try:
        body = await request.json()
        if isinstance(body, dict) and "preset" in body:
            return PresetFault.model_validate(body).as_http_fault()
        return HUBSPOT_FAULT.validate_python(body)
    except ValidationError as error:
        wrong = (f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())
        raise ControlError("; ".join(wrong)) from error
    except ValueError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
