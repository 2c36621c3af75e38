"""Texts are escaped, cut to Slack's limits without breaking an escape, and carry no credential."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_patterns.notices.blocks import (
    MAX_BLOCKS,
    MAX_HEADER,
    escaped,
    header,
    link,
    message,
    section,
    without_secrets,
)


@given(st.text(alphabet=st.sampled_from("ab &<>é🔴\n"), max_size=80), st.integers(min_value=8, max_value=60))
def test_an_escaped_text_is_within_its_limit_and_says_the_beginning_of_the_original(text: str, limit: int) -> None:
    shown = escaped(text, limit=limit)

    back = html.unescape(shown)
    assert len(shown) <= limit
    assert back == text or (back.endswith("…") and text.startswith(back[:-1]))
    assert not set("<>") & set(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot reach https://me:pass@host/x", "cannot reach https://***@host/x"),
        ("password=hunter2, user=me", "password=***, user=me"),
        ('{"access_token": "00D5g!AQ4", "scope": "api"}', '{"access_token": "***", "scope": "api"}'),
        ("Authorization: Bearer eyJhbGci.x.y failed", "Authorization: Bearer *** failed"),
        ("The password of me@acme.example is wrong.", "The password of me@acme.example is wrong."),
        ("token expired at 12:30", "token expired at 12:30"),
    ],
)
def test_what_looks_like_a_credential_is_struck_out_and_prose_is_not(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_a_header_is_plain_and_cut_to_its_limit() -> None:
    block = header("a<b" * 100)

    assert block["text"]["type"] == "plain_text"
    assert len(block["text"]["text"]) == MAX_HEADER
    assert block["text"]["text"].startswith("a<ba<b")


def test_a_link_keeps_its_address_whole() -> None:
    shown = link("http://host/dags/x/runs/manual__2026%3A00%2B00|>?a=1&b=2", "Open <it>")

    assert shown == "<http://host/dags/x/runs/manual__2026%3A00%2B00%7C%3E?a=1&amp;b=2|Open &lt;it&gt;>"


def test_no_address_no_link() -> None:
    assert link("", "Open") == "Open"


def test_more_blocks_than_slack_takes_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match=f"Slack takes {MAX_BLOCKS}"):
        message("x", [section("x")] * (MAX_BLOCKS + 1))
