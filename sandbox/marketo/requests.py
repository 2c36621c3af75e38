"""Bodies and parameters of requests."""

import json
from typing import Any

from starlette.requests import Request

from sandbox.marketo.errors import MarketoFault

LONGEST_BODY = 1_048_576


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises 609, 612, and HTTP 413."""
    body = await request.body()
    if len(body) > LONGEST_BODY:
        raise MarketoFault("413", "Request Entity Too Large", status=413)
    if "application/json" not in request.headers.get("content-type", ""):
        raise MarketoFault("612")
    try:
        parsed = json.loads(body)
    except ValueError:
        raise MarketoFault("609") from None
    if not isinstance(parsed, dict):
        raise MarketoFault("609")
    return parsed


async def read_question(request: Request) -> dict[str, list[str]]:
    """Parameters of a read: in the URL, or with `_method=GET` as a form. Values of a list by name."""
    pairs = list(request.query_params.multi_items())
    if request.method == "POST":
        pairs += [(name, str(value)) for name, value in (await request.form()).multi_items()]
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def number(asked: dict[str, list[str]], name: str, default: int, *, most: int) -> int:
    """Raises 1003 for what is none, or too high."""
    text = asked.get(name, [str(default)])[0]
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise MarketoFault("1003", f"{name} is not between 1 and {most}")
    return int(text)
