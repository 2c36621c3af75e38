"""Errors as Salesforce, its sign-in and the servers before them put them."""

from __future__ import annotations

import json
from dataclasses import dataclass

_TEXT_LIMIT = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the server put it; `code` is empty where there is none (HTML pages, empty bodies)."""

    code: str
    text: str


def read_problem(body: bytes) -> Problem:
    """Any of the shapes in which Salesforce and the servers before it report an error."""
    try:
        data = json.loads(body)
    except ValueError:
        return Problem("", _plain_text(body))
    if isinstance(data, list):
        data = data[0] if data else {}
    if not isinstance(data, dict):
        return Problem("", short(str(data)))
    code = data.get("errorCode") or data.get("error") or data.get("exceptionCode") or ""
    text = data.get("message") or data.get("error_description") or data.get("exceptionMessage") or ""
    return Problem(str(code), short(str(text)))


def _plain_text(body: bytes) -> str:
    text = body.decode("utf-8", errors="replace")
    return "an HTML page" if "<html" in text.lower() else short(text)


def short(text: str) -> str:
    """One line of at most 300 characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT_LIMIT else f"{flat[:_TEXT_LIMIT]}…"
