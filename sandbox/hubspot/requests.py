"""Bodies of requests."""

import json
from typing import Any

from starlette.requests import Request

from sandbox.hubspot.errors import malformed


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises the 400 of anything else."""
    try:
        parsed = json.loads(await request.body())
    except ValueError as error:
        raise malformed("Invalid input JSON on line 1, column 1") from error
    if not isinstance(parsed, dict):
        raise malformed("Invalid input JSON: an object was expected")
    return parsed
