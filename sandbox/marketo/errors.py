"""What goes wrong, as Marketo says it: nearly always with HTTP 200 and a code in the body."""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MESSAGES = {
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "600": "Access token not specified",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "HTTP Method not supported",
    "606": "Max rate limit '100' exceeded with in '20' secs",
    "607": "Daily quota reached",
    "608": "API temporarily unavailable",
    "609": "Invalid JSON",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "614": "Invalid Subscription",
    "615": "Concurrent access limit reached",
    "616": "Invalid subscription type",
    "702": "No data found",
    "703": "The feature is not enabled for the subscription",
    "704": "Invalid date format",
    "709": "Business Rule Violation",
    "713": "Transient Error",
    "719": "Lock wait timeout exception",
    "1016": "Too many imports",
    "1018": "CRM Enabled",
    "1022": "Object in use",
    "1029": "Too many jobs in queue",
}
QUOTA_MESSAGE = "Export daily quota 500MB exceeded."
QUEUED_MESSAGE = "The export job is already queued"
FREE = frozenset({"601", "602", "604", "605", "608", "611"})
"""Not charged to the daily quota."""


class MarketoFault(Exception):
    """A call is refused as a whole; answered 200 with `success: false`, unless `status` says otherwise."""

    def __init__(self, code: str, message: str = "", *, status: int = 200) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message or MESSAGES.get(code, "Error")
        self.status = status

    def body(self) -> dict[str, Any]:
        return envelope(False, errors=[{"code": self.code, "message": self.message}])


class Reason(Exception):
    """One record of a batch is skipped."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message

    def as_result(self, **told: Any) -> dict[str, Any]:
        return {**told, "status": "skipped", "reasons": [{"code": self.code, "message": self.message}]}


def envelope(success: bool, **told: Any) -> dict[str, Any]:
    """The outer shape of every answer."""
    return {"requestId": f"{secrets.token_hex(2)}#{secrets.token_hex(6)}", **told, "success": success}


def answer(result: Any, **told: Any) -> Response:
    """A call that succeeded."""
    return JSONResponse(envelope(True, result=result, **told))


async def answer_fault(_request: Request, error: Exception) -> Response:
    """Exception handler for MarketoFault."""
    assert isinstance(error, MarketoFault)  # noqa: S101 - registered for this class alone
    return JSONResponse(error.body(), status_code=error.status)
