"""
Which rows travel together, and how those that met a lock are sent again. Pure.

Writing a row locks its parent (a contact its account). Rows of one parent in one request are one transaction and need
that lock once; in parallel batches they fight for it. So rows of a parent stay together, and what met a lock is sent
one request after another, ever fewer at once: in the end the row's lock is all that is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from crm_patterns.core.changes import Change
from crm_patterns.core.pieces import pieces

STEPS = (200, 20, 1)
"""Rows in a request: at first, and after each time that some of them met a lock."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Pieces to send one after another, of `at_once` rows at most; `left` wait for the next run."""

    pieces: tuple[tuple[Change, ...], ...]
    at_once: int
    left: tuple[Change, ...] = ()


def next_try(locked: Sequence[Change], *, sent_at_once: int, calls_left: int) -> Retry:
    """
    How to send what met a lock while `sent_at_once` rows were under way together, in no more than `calls_left` calls.

    Nothing is left to try where they were sent alone: somebody else holds the lock.
    """
    at_once = next((step for step in STEPS if step < sent_at_once), 0)
    if not at_once:
        return Retry((), 0, tuple(locked))
    parts = list(by_parent(locked, at_once))
    left = [change for part in parts[calls_left:] for change in part]
    return Retry(tuple(parts[:calls_left]), at_once, tuple(left))


def by_parent(changes: Sequence[Change], size: int) -> Iterator[tuple[Change, ...]]:
    """Pieces of `size` at most that part no parent's rows but where they are more than that."""
    full: list[Change] = []
    ordered = sorted(changes, key=lambda change: change.group)
    for group, rows in groupby(ordered, key=lambda change: change.group):
        own = list(rows)
        if group and len(full) + len(own) > size and len(own) <= size and full:
            yield tuple(full)
            full = []
        full += own
        *whole, rest = [*pieces(full, size)] if len(full) > size else [full]
        yield from (tuple(part) for part in whole)
        full = list(rest)
    if full:
        yield tuple(full)
