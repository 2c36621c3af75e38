"""
HTTP with the manners that every vendor needs: one connection pool, safe repeats, one renewal of a lost session,
counted calls, and errors that name the host and never a secret.

What an answer means is the vendor's business: its `judge` turns a reply into an error of `core.errors`, or None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from crm_patterns.clients.auth import SessionGone, Token, TokenCache
from crm_patterns.clients.bodies import Body, Gunzip
from crm_patterns.clients.network import faults_named
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Patience, Unanswered
from crm_patterns.core.errors import IntegrationError, RetryLater, StopRun

T = TypeVar("T")

DOWNLOAD_LIMIT_S = 900.0
"""One body that takes longer than this is taken for a dripping connection and asked for again."""


@dataclass(frozen=True, slots=True)
class Call:
    """
    One request. `path` begins with a slash and goes below the session's base URL; without a session it is a whole URL.

    `about` names its object for error sentences: "the description of Opportunity". What is not `repeatable` changes
    something and is sent again only when it certainly did not arrive.
    """

    method: str
    path: str
    about: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of any status. Header names are matched without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    host: str

    @property
    def retry_after_s(self) -> float | None:
        """Seconds of a numeric Retry-After header; its date form is not used by the vendors here."""
        value = self.headers.get("retry-after", "")
        return float(value) if value.isdigit() else None


@dataclass(frozen=True, slots=True)
class Download:
    """A complete body, decompressed, and the headers that came with it."""

    headers: Mapping[str, str]
    body: Body


Judge = Callable[[Call, Reply], IntegrationError | None]


class Transport:
    """Sends calls. One instance may be used from several threads."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        judge: Judge,
        session: TokenCache | None = None,
        meter: CallMeter | None = None,
        read_usage: Callable[[Mapping[str, str]], tuple[int, int] | None] = lambda _: None,
        patience: Patience | None = None,
    ) -> None:
        self._http = http
        self._judge = judge
        self._session = session
        self._meter = meter or CallMeter()
        self._read_usage = read_usage
        self._patience = patience or Patience()

    def send(self, call: Call, *, look: Callable[[], Reply | None] | None = None) -> Reply:
        """
        The reply to a call, once `judge` has nothing against it.

        Where a call that is not repeatable was left unanswered, `look` is asked before it is sent again: it gives the
        reply where it finds the work done, None where it may be sent again. Without `look`, `Unanswered` is raised.
        """
        unanswered = False

        def attempt() -> Reply:
            nonlocal unanswered
            if unanswered and look is not None and (found := look()) is not None:
                return found
            try:
                return self._with_session(call, self._exchange)
            except Unanswered:
                unanswered = not call.repeatable
                raise

        return self._patience.run(attempt, repeatable=call.repeatable or look is not None)

    def download(self, call: Call, *, on_headers: Callable[[Mapping[str, str]], None] = lambda _: None) -> Download:
        """
        A body of any size, complete or not at all: what breaks on the way is asked for again from its beginning.

        `on_headers` is called as soon as an accepted answer begins, once for each time it begins.
        """

        def fetch(call: Call, token: Token | None) -> Download:
            return self._stream(call, token, on_headers)

        return self._patience.run(lambda: self._with_session(call, fetch), repeatable=True)

    def _with_session(self, call: Call, act: Callable[[Call, Token | None], T]) -> T:
        if self._session is None:
            return act(call, None)
        token = self._session.token()
        try:
            return act(call, token)
        except SessionGone:
            return act(call, self._session.renew(token))

    def _exchange(self, call: Call, token: Token | None) -> Reply:
        url, headers = _address(call, token)
        self._meter.count_call()
        with faults_named(call.about, url):
            answer = self._http.request(
                call.method,
                url,
                params=call.params or None,
                headers=headers,
                json=call.json,
                data=call.form,
                content=call.content,
            )
        return self._accepted(call, Reply(answer.status_code, answer.headers, answer.content, answer.url.host))

    def _accepted(self, call: Call, reply: Reply) -> Reply:
        self._meter.note(self._read_usage(reply.headers))
        error = self._judge(call, reply)
        if error is None:
            return reply
        if reply.status >= 500 and not call.repeatable and isinstance(error, RetryLater):
            raise Unanswered(error.problem, fix=error.fix, retry_after_s=error.retry_after_s) from error
        raise error

    def _stream(self, call: Call, token: Token | None, on_headers: Callable[[Mapping[str, str]], None]) -> Download:
        url, headers = _address(call, token)
        self._meter.count_call()
        body = Body()
        try:
            with (
                faults_named(call.about, url),
                self._http.stream(call.method, url, params=call.params or None, headers=headers) as answer,
            ):
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    self._accepted(call, Reply(answer.status_code, answer.headers, answer.content, answer.url.host))
                self._meter.note(self._read_usage(answer.headers))
                on_headers(answer.headers)
                _pour(answer, body, call.about)
                return Download(answer.headers, body)
        except BaseException:
            body.close()
            raise


def _pour(answer: httpx.Response, body: Body, about: str) -> None:
    """Read the answer into the body, decompressed; raise where it stops short or drips."""
    give_up = time.monotonic() + DOWNLOAD_LIMIT_S
    gunzip = Gunzip(about) if answer.headers.get("content-encoding", "") == "gzip" else None
    for chunk in answer.iter_raw():
        body.write(gunzip.feed(chunk) if gunzip else chunk)
        if time.monotonic() > give_up:
            raise Unanswered(f"{about} took longer than {DOWNLOAD_LIMIT_S:.0f} s to download.")
    if gunzip:
        gunzip.finish()


def _address(call: Call, token: Token | None) -> tuple[str, dict[str, str]]:
    if token is None:
        return call.path, dict(call.headers)
    if not call.path.startswith("/"):  # a token goes to its own host and nowhere else
        raise StopRun(f"{call.about} was to be asked at {call.path}, which is not a path of {token.base_url}.")
    return token.base_url + call.path, {**call.headers, "Authorization": f"Bearer {token.secret}"}
