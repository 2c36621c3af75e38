"""What goes wrong, in the shapes in which HubSpot says it ("Error handling" in its API documentation)."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

JSON_TYPE = "application/json;charset=utf-8"


class HubSpotFault(Exception):
    """A refusal: the body of an answer, or one entry of `errors` in the answer to a batch."""

    def __init__(
        self,
        status: int,
        category: str,
        message: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        context: Mapping[str, Sequence[str]] | None = None,
        sub_category: str = "",
    ) -> None:
        super().__init__(f"{category}: {message}")
        self.status = status
        self.category = category
        self.message = message
        self.errors = tuple(errors)
        self.context = dict(context or {})
        self.sub_category = sub_category

    def body(self) -> dict[str, Any]:
        """The answer to a single call."""
        body: dict[str, Any] = {
            "status": "error",
            "message": self.message,
            "correlationId": str(uuid.uuid4()),
            "category": self.category,
        }
        if self.sub_category:
            body["subCategory"] = self.sub_category
        if self.errors:
            body["errors"] = [dict(error) for error in self.errors]
        if self.context:
            body["context"] = {name: list(values) for name, values in self.context.items()}
        return body

    def as_item(self, *, ids: Sequence[str], trace_id: str | None) -> dict[str, Any]:
        """The same as one entry of a 207: without a correlation id, with what it is about."""
        context: dict[str, list[str]] = {name: list(values) for name, values in self.context.items()}
        if ids:
            context["ids"] = list(ids)
        if trace_id:
            context["objectWriteTraceId"] = [trace_id]
        item: dict[str, Any] = {"status": "error", "category": self.category, "message": self.message}
        item |= {"context": context, "errors": [dict(error) for error in self.errors]}
        return item | ({"subCategory": self.sub_category} if self.sub_category else {})


class RateLimited(Exception):
    """429, which has a shape of its own, without `category`."""

    MESSAGES: ClassVar[dict[str, str]] = {
        "TEN_SECONDLY_ROLLING": "You have reached your ten_secondly_rolling limit.",
        "SECONDLY": "You have reached your secondly limit.",
        "DAILY": "You have reached your daily limit.",
    }

    def __init__(self, policy: str) -> None:
        super().__init__(policy)
        self.policy = policy

    def body(self) -> dict[str, Any]:
        return {
            "status": "error",
            "message": self.MESSAGES[self.policy],
            "errorType": "RATE_LIMIT",
            "correlationId": str(uuid.uuid4()),
            "policyName": self.policy,
        }


class ValueProblem(Exception):
    """One property's value cannot be taken; `code` as HubSpot names it."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(f"{name}: {code}")
        self.name = name
        self.code = code
        self.message = message


def invalid_values(problems: Sequence[ValueProblem]) -> HubSpotFault:
    """400 naming each property that was not accepted, in the message (as JSON) and in `errors`."""
    told = [
        {"isValid": False, "message": each.message, "error": each.code, "name": each.name, "localizedErrorMessage":
         each.message, "portalId": 0}
        for each in problems
    ]  # fmt: skip
    errors = [
        {"message": each.message, "code": each.code, "context": {"propertyName": [each.name]}} for each in problems
    ]
    return HubSpotFault(400, "VALIDATION_ERROR", f"Property values were not valid: {json.dumps(told)}", errors=errors)


def malformed(message: str) -> HubSpotFault:
    """400 for a request whose form is wrong."""
    return HubSpotFault(400, "VALIDATION_ERROR", message)


def not_found(message: str = "resource not found") -> HubSpotFault:
    return HubSpotFault(404, "OBJECT_NOT_FOUND", message, sub_category="crm.OBJECT_NOT_FOUND")


def exists(kind: str, record_id: str) -> HubSpotFault:
    """409 of a value that is unique and taken; whose it is stands in the message only."""
    return HubSpotFault(409, "CONFLICT", f"{kind} already exists. Existing ID: {record_id}")


async def answer_fault(_request: Request, error: Exception) -> Response:
    """Exception handler for HubSpotFault."""
    assert isinstance(error, HubSpotFault)  # noqa: S101 - registered for this class alone
    body = error.body()
    headers = {"x-hubspot-correlation-id": body["correlationId"]}
    if error.status == 401:
        headers["x-hubspot-auth-failure"] = error.category
    return JSONResponse(body, status_code=error.status, headers=headers, media_type=JSON_TYPE)
