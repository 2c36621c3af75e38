"""A vendor's refusals by name, and how a fault is read from a control request. Which there are, a stand-in says."""

from abc import abstractmethod
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from sandbox.control import ControlError, FaultReader, keys_named
from sandbox.faults import Fault, HttpFault


class Preset(BaseModel):
    """A refusal in the shape that the vendor gives it; where it hits is said as for any fault of the wire."""

    model_config = ConfigDict(extra="forbid")

    preset: str
    method: str = ""
    path: str = ""
    skip: int = Field(default=0, ge=0)
    count: int | None = Field(default=1, ge=1)
    retry_after: int | None = Field(default=None, ge=0)

    def as_http_fault(self) -> HttpFault:
        """The same as a `status` fault; raises ControlError for an unknown preset."""
        status, body, headers = self._refusal()
        if self.retry_after is not None:
            headers = {**headers, "Retry-After": str(self.retry_after)}
        return HttpFault(
            kind="status",
            label=self.preset,
            status=status,
            headers=headers,
            body=body,
            **self.model_dump(include={"method", "path", "skip", "count"}),
        )

    @abstractmethod
    def _refusal(self) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers of this preset; raises ControlError for an unknown one."""


def fault_reader(preset: type[Preset], faults: TypeAdapter[Any]) -> FaultReader:
    """Reads the body of POST /__sandbox__/faults: a preset, or a fault by its `kind`. ControlError for all else."""

    async def read_fault(request: Request) -> Fault:
        try:
            body = await request.json()
            if isinstance(body, dict) and "preset" in body:
                return preset.model_validate(body).as_http_fault()
            fault: Fault = faults.validate_python(body)
        except ValidationError as error:
            raise ControlError(keys_named(error)) from error
        except ValueError as error:
            raise ControlError(f"the body is not JSON: {error}") from error
        return fault

    return read_fault
