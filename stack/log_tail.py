"""The lines of a log that say why a process failed."""

import re
from pathlib import Path

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
READ_AT_MOST_BYTES = 64 * 1024


def last_words(log: Path, *, lines: int = 8) -> list[str]:
    """The last non-empty lines of a log without colours, the line of the last raised exception among them."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - READ_AT_MOST_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    meaningful = [line.rstrip() for line in ANSI.sub("", text).splitlines() if line.strip(" │╭╰╮╯─━┏┓^~")]
    tail = meaningful[-lines:]
    raised = [line for line in meaningful if re.match(r"^[\w.]*(Error|Exception|Refused|Exit)\b.*:", line)]
    if raised and raised[-1] not in tail:
        tail = [raised[-1], *tail[1:]]
    return tail
