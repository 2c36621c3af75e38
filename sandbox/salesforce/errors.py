"""What goes wrong, in the shapes in which Salesforce says it ("REST API Developer Guide – Error Responses")."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

JSON_TYPE = "application/json;charset=UTF-8"


class SalesforceFault(Exception):
    """A refusal. At the top level it is a JSON array with `errorCode`; in a row's result it has `statusCode`."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = tuple(fields)

    def body(self) -> list[dict[str, Any]]:
        """The top-level answer."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        return [error | {"fields": list(self.fields)}] if self.fields else [error]

    def as_row_error(self) -> dict[str, Any]:
        """The error inside one row's result of collections and of upsert by reference."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}


class OAuthFault(Exception):
    """A refusal of the token endpoint: an object, not an array."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status


def invalid_session() -> SalesforceFault:
    return SalesforceFault(401, "INVALID_SESSION_ID", "Session expired or invalid")


def not_found(message: str = "The requested resource does not exist") -> SalesforceFault:
    return SalesforceFault(404, "NOT_FOUND", message)


def invalid_field(object_name: str, field: str, *, where: str = "") -> SalesforceFault:
    """No such field, or one the user may not see; the two cannot be told apart. `where` marks the place in a query."""
    return SalesforceFault(
        400,
        "INVALID_FIELD",
        f"{where}No such column '{field}' on entity '{object_name}'. If you are attempting to use a custom field, be "
        "sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the "
        "appropriate names.",
    )


def invalid_type(object_name: str, *, where: str = "") -> SalesforceFault:
    """No such object in a query."""
    return SalesforceFault(
        400,
        "INVALID_TYPE",
        f"{where}sObject type '{object_name}' is not supported. If you are attempting to use a custom object, be sure "
        "to append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
        "appropriate names.",
    )


async def answer_fault(_request: Request, error: Exception) -> Response:
    """Exception handler for SalesforceFault."""
    assert isinstance(error, SalesforceFault)  # noqa: S101 - registered for this class alone
    headers = {"WWW-Authenticate": "Token"} if error.status == 401 else None
    return JSONResponse(error.body(), status_code=error.status, headers=headers, media_type=JSON_TYPE)


async def answer_oauth_fault(_request: Request, error: Exception) -> Response:
    """Exception handler for OAuthFault."""
    assert isinstance(error, OAuthFault)  # noqa: S101 - registered for this class alone
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, status_code=error.status, headers={"Cache-Control": "no-store"}, media_type=JSON_TYPE)
