"""SOQL over REST: small answers, and rows page by page. "REST API Developer Guide": Query, Composite Batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from crm_patterns.clients.salesforce.batches import ask_together
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.transport import Call, Transport
from crm_patterns.core.errors import IntegrationError, RetryLater
from crm_patterns.core.pieces import pieces

URL_CHARACTERS = 12_000
"""Salesforce takes about 16,000 for URI and headers together; what is longer travels in a body."""


TOGETHER = 25
"""Queries in one call of composite/batch."""


class RestQueries:
    """Queries of one org. `base` is the path of the API version."""

    def __init__(self, transport: Transport, *, base: str) -> None:
        self._transport = transport
        self._base = base

    def path(self, text: str, *, include_deleted: bool) -> str:
        return f"{self._base}/{'queryAll' if include_deleted else 'query'}?q={quote(text, safe='')}"

    def ask(self, text: str, about: str, *, include_deleted: bool) -> dict[str, Any]:
        """The first page of an answer, numbers exact."""
        path = self.path(text, include_deleted=include_deleted)
        if len(path) > URL_CHARACTERS:
            return self._ask_in_body(path, about)
        answer: dict[str, Any] = read_json(self._transport.send(Call("GET", path, about)).body)
        return answer

    def tooling(self, text: str, about: str) -> list[dict[str, Any]]:
        """All records of an answer of the Tooling API, which knows the org's own definitions."""
        path: str | None = f"{self._base}/tooling/query?q={quote(text, safe='')}"
        records: list[dict[str, Any]] = []
        while path:
            answer = read_json(self._transport.send(Call("GET", path, about)).body)
            records += answer["records"]
            path = None if answer["done"] else answer["nextRecordsUrl"]
        return records

    def records(self, text: str, about: str, *, include_deleted: bool) -> Iterator[list[dict[str, Any]]]:
        """Records page by page. RetryLater where fewer or more come than were announced."""
        yield from self._pages(self.ask(text, about, include_deleted=include_deleted), about)

    def records_of_all(
        self, texts: Sequence[str], about: str, *, include_deleted: bool
    ) -> Iterator[list[dict[str, Any]]]:
        """The same for several queries, 25 of which cost one call."""
        for some in pieces(texts, TOGETHER):
            if len(some) == 1:
                yield from self.records(some[0], about, include_deleted=include_deleted)
                continue
            paths = [self.path(text, include_deleted=include_deleted) for text in some]
            for answer in ask_together(self._transport, paths, about, base=self._base):
                if isinstance(answer, IntegrationError):
                    raise answer
                yield from self._pages(answer, about)

    def _pages(self, answer: dict[str, Any], about: str) -> Iterator[list[dict[str, Any]]]:
        total, received = int(answer["totalSize"]), 0
        while True:
            received += len(answer["records"])
            if answer["records"]:
                yield answer["records"]
            if answer["done"]:
                break
            answer = read_json(self._transport.send(Call("GET", answer["nextRecordsUrl"], about)).body)
        if received != total:
            raise RetryLater(f"Salesforce announced {total:,} {about} and sent {received:,}.")

    def _ask_in_body(self, path: str, about: str) -> dict[str, Any]:
        """A query too long for a URL, as the only part of a batch."""
        (answer,) = ask_together(self._transport, [path], about, base=self._base)
        if isinstance(answer, IntegrationError):
            raise answer
        return answer
