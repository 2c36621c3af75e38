"""Bodies in memory and on disk; gzip proven complete; tokens shared and renewed once."""

from __future__ import annotations

import gzip
import threading

import pytest

from crm_patterns.clients.auth import Token, TokenCache
from crm_patterns.clients.bodies import Body, Gunzip
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Unanswered
from crm_patterns.core.ports import Usage


@pytest.mark.parametrize("limit", [0, 5, 1000])
def test_a_body_reads_the_same_from_memory_and_from_disk(limit: int) -> None:
    body = Body(in_memory_bytes=limit)
    for chunk in (b"one ", b"two ", b"three\n"):
        body.write(chunk)

    assert (body.in_memory() is None) == (limit < 14)
    assert [body.file().read(), body.file().read()] == [b"one two three\n"] * 2
    assert body.ends_with_newline()
    body.close()


def test_gzip_is_undone_chunk_by_chunk_and_member_by_member() -> None:
    packed = gzip.compress(b"first ") + gzip.compress(b"second")
    gunzip = Gunzip("a page")

    plain = b"".join(gunzip.feed(packed[at : at + 3]) for at in range(0, len(packed), 3))
    gunzip.finish()

    assert plain == b"first second"


def test_gzip_that_stops_short_is_noticed() -> None:
    gunzip = Gunzip("a page")
    gunzip.feed(gzip.compress(b"x" * 1000)[:-1])

    with pytest.raises(Unanswered, match="a page ended too early"):
        gunzip.finish()


def test_many_threads_with_a_lost_token_sign_in_once() -> None:
    signed_in: list[Token] = []

    def sign_in() -> Token:
        signed_in.append(Token(f"token {len(signed_in)}", "https://acme"))
        return signed_in[-1]

    cache = TokenCache(sign_in)
    lost = cache.token()
    renewed: list[Token] = []
    threads = [threading.Thread(target=lambda: renewed.append(cache.renew(lost))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(signed_in) == 2
    assert set(map(id, renewed)) == {id(signed_in[1])}


def test_a_token_shows_no_secret() -> None:
    assert "hush" not in repr(Token("hush", "https://acme"))


def test_usage_keeps_the_latest_word() -> None:
    meter = CallMeter()
    for word in ((5, 100), None, (7, 100), None):
        meter.count_call()
        meter.note(word)

    assert meter.usage() == Usage(calls_made=4, used=7, allowed=100)
