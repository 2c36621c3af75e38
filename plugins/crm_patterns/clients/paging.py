"""Pages fetched ahead: a bounded number at once, handed out in order."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from threading import Event, Semaphore
from typing import Generic, TypeVar

Ticket = TypeVar("Ticket")
Fetched = TypeVar("Fetched")


class Chain(Generic[Ticket]):
    """
    Tickets of which each becomes known only while the one before is fetched.

    Iterating waits for the next ticket; `announce(None)` ends it.
    """

    def __init__(self, first: Ticket) -> None:
        self._known: SimpleQueue[Ticket | None] = SimpleQueue()
        self._known.put(first)

    def announce(self, ticket: Ticket | None) -> None:
        self._known.put(ticket)

    def __iter__(self) -> Iterator[Ticket]:
        while (ticket := self._known.get()) is not None:
            yield ticket


def fetched_ahead(
    tickets: Iterable[Ticket], fetch: Callable[[Ticket], Fetched], *, ahead: int
) -> Generator[tuple[Ticket, Fetched], None, None]:
    """
    Fetch the tickets, up to `ahead` of them under way or waiting to be taken, and yield the results in order.

    A page counts until the next one is asked for. A failure comes up in its place. When the generator is closed early,
    nothing more is fetched.
    """
    room = Semaphore(ahead)
    leaving = Event()
    order: SimpleQueue[tuple[Ticket, Future[Fetched]] | BaseException | None] = SimpleQueue()

    def schedule(pool: ThreadPoolExecutor) -> None:
        try:
            for ticket in tickets:
                room.acquire()
                if leaving.is_set():
                    break
                order.put((ticket, pool.submit(fetch, ticket)))
            order.put(None)
        except BaseException as error:  # noqa: BLE001 - carried to the consumer's thread and raised there
            order.put(error)

    pool = ThreadPoolExecutor(ahead + 1, thread_name_prefix="pages")
    pool.submit(schedule, pool)
    try:
        while (entry := order.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            ticket, future = entry
            yield ticket, future.result()
            room.release()
    finally:
        leaving.set()
        room.release()
        pool.shutdown(wait=False, cancel_futures=True)
