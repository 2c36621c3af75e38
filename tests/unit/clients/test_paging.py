"""Pages come in order, ahead of their reader, and never more of them than allowed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from crm_patterns.clients.paging import Chain, fetched_ahead
from crm_patterns.core.errors import RetryLater


def test_results_come_in_order_however_long_each_takes() -> None:
    def fetch(ticket: int) -> int:
        time.sleep(0.02 if ticket % 2 == 0 else 0.0)
        return ticket * 10

    assert list(fetched_ahead(range(6), fetch, ahead=3)) == [(n, n * 10) for n in range(6)]


def test_pages_are_fetched_while_the_reader_reads_but_not_without_bound() -> None:
    held, most = 0, 0
    lock = threading.Lock()

    def fetch(ticket: int) -> int:
        nonlocal held, most
        with lock:
            held += 1
            most = max(most, held)
        return ticket

    for _ in fetched_ahead(range(20), fetch, ahead=3):
        time.sleep(0.005)
        with lock:
            held -= 1

    assert 2 <= most <= 3


def test_a_failure_comes_up_in_its_place() -> None:
    def fetch(ticket: int) -> int:
        if ticket == 2:
            raise RetryLater("page 2 broke")
        return ticket

    pages = fetched_ahead(range(5), fetch, ahead=2)

    assert [next(pages), next(pages)] == [(0, 0), (1, 1)]
    with pytest.raises(RetryLater, match="page 2 broke"):
        next(pages)


def test_a_failure_to_learn_the_next_ticket_comes_up_too() -> None:
    def tickets() -> Iterator[int]:
        yield 1
        raise RetryLater("no list")

    pages = fetched_ahead(tickets(), lambda ticket: ticket, ahead=2)

    assert next(pages) == (1, 1)
    with pytest.raises(RetryLater, match="no list"):
        next(pages)


def test_a_chain_learns_each_ticket_from_the_page_before() -> None:
    chain = Chain(1)

    def fetch(ticket: int) -> int:
        chain.announce(ticket + 1 if ticket < 4 else None)
        return ticket

    assert [page for _, page in fetched_ahead(chain, fetch, ahead=2)] == [1, 2, 3, 4]


def test_leaving_early_fetches_no_more() -> None:
    fetched: list[int] = []

    def fetch(ticket: int) -> int:
        fetched.append(ticket)
        return ticket

    pages = fetched_ahead(range(1000), fetch, ahead=2)
    next(pages)
    pages.close()
    time.sleep(0.05)
    seen = len(fetched)
    time.sleep(0.05)

    assert len(fetched) == seen <= 4
