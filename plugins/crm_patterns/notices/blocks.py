"""
Slack's Block Kit, as much of it as a notice needs: every text is escaped and held to Slack's limits.

The limits are those of docs.slack.dev/reference/block-kit/blocks: 50 blocks, header 150 and section 3,000 characters.
Characters are counted after escaping, as Slack does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_TEXT = 4_000
MAX_URL = 1_100
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SECRETS = re.compile(
    r"(?P<url>(?<=://)[^/\s:@]*:[^/\s@]+(?=@))"
    r"|(?P<word>(?:password|passwd|secret|token|api[_-]?key|private[_-]?key|authorization|session[_-]?id)"
    r"[\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic)\s+)?)[^\s\"',;&]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: `text` for notifications and screen readers, `blocks` for the channel."""

    text: str
    blocks: tuple[dict[str, Any], ...]


def escaped(text: str, *, limit: int) -> str:
    """
    `text` for a mrkdwn field, at most `limit` characters long after escaping, an ellipsis where something was cut.

    Anything that looks like a credential is struck out first.
    """
    pieces = [_ESCAPES.get(character, character) for character in without_secrets(text)]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    kept: list[str] = []
    room = limit - 1
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def without_secrets(text: str) -> str:
    """Strikes out user:password in a URL and the value after words like password= or token:."""
    return _SECRETS.sub(lambda found: f"{found['word'] or ''}***", text)


def link(url: str, label: str) -> str:
    """A mrkdwn link; just the label where there is no URL, or one too long to leave room for anything else."""
    address = quote(url, safe=":/?&=#%+~@,;()!*[]").replace("&", "&amp;")
    shown = escaped(label, limit=200)
    return f"<{address}|{shown}>" if 0 < len(address) <= MAX_URL else shown


def header(text: str) -> dict[str, Any]:
    """Plain text: Slack shows it as it is, so nothing is escaped."""
    shown = text if len(text) <= MAX_HEADER else text[: MAX_HEADER - 1].rstrip() + "…"
    return {"type": "header", "text": {"type": "plain_text", "text": shown, "emoji": True}}


def section(mrkdwn: str) -> dict[str, Any]:
    """`mrkdwn` is escaped and at most MAX_SECTION long: whoever composes it cuts its parts, not its markup."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn}}


def context(mrkdwn: str) -> dict[str, Any]:
    """A line in small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn}]}


def message(text: str, blocks: Sequence[dict[str, Any]]) -> Message:
    """`text` is plain and gets escaped; a message of more blocks than Slack takes is a mistake of ours."""
    if len(blocks) > MAX_BLOCKS:
        raise ValueError(f"A message has {len(blocks)} blocks; Slack takes {MAX_BLOCKS}.")
    return Message(escaped(text, limit=MAX_TEXT), tuple(blocks))
