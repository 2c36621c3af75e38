"""What goes wrong, as Account Engagement says it: a number and a sentence under a coarse HTTP status."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

WORDS = {
    9: "An object with this value already exists",
    37: "This operation is not allowed while a CRM connector is active",
    49: "Access denied",
    62: "Your request conflicts with another update of the record",
    66: "You have exceeded your concurrent request limit. Please wait, before trying again",
    71: "Input is not valid",
    85: "The object could not be saved",
    109: "The requested record was not found",
    122: "You have exceeded your daily API limit",
    128: "Campaigns are managed in Salesforce",
    129: "This campaign is connected to Salesforce and cannot be changed here",
    130: "The columns of the import are not valid",
    184: "access_token is invalid, unknown, or malformed",
}


class PardotFault(Exception):
    """A refusal by its number. `detail` follows the number's own words."""

    def __init__(self, code: int, detail: str = "", *, status: int = 400) -> None:
        self.code = code
        self.status = status
        self.message = f"{WORDS.get(code, 'Error')}{': ' if detail else ''}{detail}"
        super().__init__(f"{code}: {self.message}")

    def body(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message}

    def answer(self) -> Response:
        return JSONResponse(self.body(), status_code=self.status)


def not_found(what: str) -> PardotFault:
    return PardotFault(109, what, status=404)


async def answer_fault(_request: Request, error: Exception) -> Response:
    """Exception handler for PardotFault."""
    assert isinstance(error, PardotFault)  # noqa: S101 - registered for this class alone
    return error.answer()
