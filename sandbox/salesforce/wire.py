"""What requests to the data API have in common: a JSON body, and a user behind the session."""

import json
from decimal import Decimal
from typing import Any

from starlette.requests import Request

from sandbox.salesforce.errors import SalesforceFault


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, numbers exact. Raises JSON_PARSER_ERROR for anything else."""
    try:
        parsed = json.loads(await request.body(), parse_float=Decimal)
    except ValueError as error:
        raise SalesforceFault(400, "JSON_PARSER_ERROR", f"Unexpected input at [line:1, column:1]: {error}") from error
    if not isinstance(parsed, dict):
        raise SalesforceFault(400, "JSON_PARSER_ERROR", "The request body must be a JSON object")
    return parsed


def user_of(request: Request) -> str:
    """The id of the user whose session the request carries."""
    return str(request.state.user_id)
