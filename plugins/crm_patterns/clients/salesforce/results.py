"""
Results of Bulk API 2.0 query jobs, page by page.

"Bulk API 2.0 and Bulk API Developer Guide": Get Results for a Query Job; Get Parallel Results for a Query Job.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass

from crm_patterns.clients.csv_pages import DamagedPage, read_pages
from crm_patterns.clients.paging import Chain, fetched_ahead
from crm_patterns.clients.salesforce.errors import Gone
from crm_patterns.clients.salesforce.wire import next_locator, read_json, record_count, result_links
from crm_patterns.clients.transport import Call, Download, Transport
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import RetryLater
from crm_patterns.core.keys import NO_KEYS, KeyRing
from crm_patterns.core.records import Page

log = logging.getLogger(__name__)

PARALLEL_SINCE = 58.0
"""The API version that brought resultPages."""

_PAGE_TRIES = 3


@dataclass(frozen=True, slots=True)
class PageOptions:
    """
    `rows`: asked for per page where the server lets us choose. `ahead`: pages in memory or on the way at once.

    `gzip`: compressed on the wire, five to ten times fewer bytes for a good third more CPU; None: yes, except from
    this very machine, where the wire costs nothing. `parallel`: let the server list all pages (API 58 on) rather than
    learn each page's place from the one before.
    """

    rows: int = 50_000
    ahead: int = 2
    gzip: bool | None = None
    parallel: bool = True


class JobResults:
    """Reads the results of one finished job. `base` is the path of the API version; `rows` the job's own count."""

    def __init__(
        self, transport: Transport, job_id: str, contract: ObjectContract, *, base: str, rows: int,
        options: PageOptions, keys: KeyRing = NO_KEYS,
    ) -> None:  # fmt: skip
        self._transport = transport
        self._contract = contract
        self._path = f"{base}/jobs/query/{job_id}"
        self._rows = rows
        self._options = options
        self._keys = keys
        self._about = f"results of bulk job {job_id} for {contract.object_name}"

    def pages(self) -> Iterator[Page]:
        """Every row once, in the server's order. Raises RetryLater where the job is gone or a page stays damaged."""
        try:
            for ticket, download in self._downloads():
                yield from self._checked(ticket, download)
        except Gone as error:
            raise RetryLater(error.problem, fix="A new job has to be submitted.") from error

    def _downloads(self) -> Generator[tuple[str, Download], None, None]:
        options = self._options
        if options.parallel and self._rows > options.rows:
            links = self._links()
            try:
                first = next(links)
            except (Gone, StopIteration):
                log.info("The server does not list the pages of the %s; reading them one after another.", self._about)
            else:
                yield from fetched_ahead(_chained(first, links), self._fetch, ahead=options.ahead)
                return
        chain = Chain(f"{self._path}/results?maxRecords={options.rows}")
        yield from fetched_ahead(chain, lambda ticket: self._fetch_linked(ticket, chain), ahead=options.ahead)

    def _links(self) -> Iterator[str]:
        """Paths of all pages, as the server lists them, five at a time."""
        path: str | None = f"{self._path}/resultPages"
        while path:
            reply = self._transport.send(Call("GET", path, f"list of the {self._about}"))
            links, path = result_links(read_json(reply.body))
            yield from links

    def _fetch(self, ticket: str, on_headers: Callable[[Mapping[str, str]], None] = lambda _: None) -> Download:
        encoding = "gzip" if self._options.gzip else "identity"
        call = Call("GET", ticket, self._about, headers={"Accept-Encoding": encoding, "Accept": "text/csv"})
        return self._transport.download(call, on_headers=on_headers)

    def _fetch_linked(self, ticket: str, chain: Chain[str]) -> Download:
        """Fetch a page, and announce the next one as soon as this one's headers are here."""
        announced = False

        def announce(headers: Mapping[str, str]) -> None:
            nonlocal announced
            locator = next_locator(headers)
            if not announced:
                rows = self._options.rows
                chain.announce(locator and f"{self._path}/results?locator={locator}&maxRecords={rows}")
            announced = True

        try:
            return self._fetch(ticket, announce)
        except BaseException:
            chain.announce(None)
            raise

    def _checked(self, ticket: str, download: Download) -> Iterator[Page]:
        """
        The page's rows, held against the number of records that the server said it sent.

        The last block is held back until the count is right. A damaged page is asked for again under the same locator,
        which gives the same rows, and read on from where it broke.
        """
        given = 0
        for attempt in range(1, _PAGE_TRIES + 1):
            held: Page | None = None
            expected = record_count(download.headers)
            try:
                for page in read_pages(download.body, self._contract, self._keys, skip=given):
                    if held is not None:
                        yield held
                        given += held.read
                    held = page
                read = given + (held.read if held else 0)
                if expected in (None, read):
                    if held is not None:
                        yield held
                    return
                problem = f"a page holds {read:,} rows where the server counted {expected:,}"
            except DamagedPage as damage:
                problem = damage.problem
            finally:
                download.body.close()
            log.warning("The %s came damaged (try %d): %s.", self._about, attempt, problem.rstrip("."))
            if attempt < _PAGE_TRIES:
                download = self._fetch(ticket)
        raise RetryLater(f"The {self._about} came damaged {_PAGE_TRIES} times: {problem.rstrip('.')}.")


def _chained(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest
