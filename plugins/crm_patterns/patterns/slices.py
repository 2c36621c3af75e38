"""How a very large window is cut into slices of the cursor's time, each small enough for a bulk job of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from crm_patterns.core.ports import Slice
from crm_patterns.core.windows import Window

EARLIEST = datetime(1999, 3, 8, tzinfo=UTC)
"""No record of Salesforce is older: where a window without a start is cut from."""

MOST_HALVINGS = 2
"""A slice whose job fails is halved, and its halves once more; then the fault is another one."""


def halves(window: Window) -> tuple[Window, Window] | None:
    """The window in two, at a whole second; None where it is too short for that."""
    start = window.start or min(EARLIEST, window.end)
    middle = start + timedelta(seconds=(window.end - start).total_seconds() // 2)
    if not start < middle < window.end:
        return None
    return Window(window.start, middle, window.kind), Window(middle, window.end, window.kind)


def cut(window: Window, rows: int, *, most: int, count: Callable[[Window], int]) -> Sequence[Slice]:
    """
    Slices without gap or overlap that together are the window, of about `most` rows or less where time allows.

    Costs one `count` per cut. Rows that share one second cannot be told apart by time and stay together.
    """
    return tuple(_joined(_cut(Slice(window, rows), most, count), most))


def _cut(piece: Slice, most: int, count: Callable[[Window], int]) -> Iterator[Slice]:
    two = halves(piece.window) if piece.rows > most else None
    if two is None:
        yield piece
        return
    left = min(count(two[0]), piece.rows)
    yield from _cut(Slice(two[0], left), most, count)
    yield from _cut(Slice(two[1], piece.rows - left), most, count)


def _joined(pieces: Iterable[Slice], most: int) -> Iterator[Slice]:
    """Neighbours that fit into one job are one."""
    held: Slice | None = None
    for piece in pieces:
        if held is not None and held.rows + piece.rows <= most:
            window = Window(held.window.start, piece.window.end, held.window.kind)
            held = Slice(window, held.rows + piece.rows)
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def finer(piece: Slice, count: Callable[[Window], int]) -> Sequence[Slice]:
    """A slice whose job failed, in pieces of half its rows; empty where cutting it further would not help."""
    if piece.halvings >= MOST_HALVINGS:
        return ()
    pieces = cut(piece.window, piece.rows, most=max(1, piece.rows // 2), count=count)
    return tuple(replace(each, halvings=piece.halvings + 1) for each in pieces) if len(pieces) > 1 else ()
