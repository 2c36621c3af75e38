"""A long sequence in pieces that fit one statement, one request or one batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def pieces(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """In order, each of `size` items and the last of what is left; none of nothing."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
