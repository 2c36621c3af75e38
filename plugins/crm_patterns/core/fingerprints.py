"""Short, stable names for values: the same value gives the same fingerprint on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def fingerprint(value: Any) -> str:
    """SHA-256, as 64 hexadecimal digits, of the value's canonical JSON (sorted keys, no blanks)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def short_fingerprint(value: Any, *, digits: int = 12) -> str:
    """The first `digits` hexadecimal digits of `fingerprint`: for names of tables and folders."""
    return fingerprint(value)[:digits]
