"""`python -m crm_patterns reviews`: the questions that no rule answers, and a person's answers."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from crm_patterns.catalog import include_dir, load_marketing_sync

if TYPE_CHECKING:
    from crm_patterns.catalog import MarketingSyncSettings
    from crm_patterns.core.changes import Side
    from crm_patterns.core.reviews import OpenReview
    from crm_patterns.state import OperationalState


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(review_id="")
    answers = parser.add_subparsers(metavar="{choose}")
    choose = answers.add_parser("choose", help="answer one; the next run writes what was chosen to the other side")
    choose.add_argument("review_id", metavar="ID")
    choose.add_argument("side", choices=["salesforce", "platform"], help="whose value is right")


def run(given: argparse.Namespace) -> int:
    """Lists the open questions, or answers one; 1 where that one is not open."""
    settings = load_marketing_sync(include_dir() / "config" / "marketing_sync.yaml")
    with closing(_state(settings)) as state:
        if given.review_id:
            return _choose(state, given.review_id, given.side)
        for line in listed(settings, state):
            sys.stdout.write(f"{line}\n")
    return 0


def listed(settings: MarketingSyncSettings, state: OperationalState) -> Iterator[str]:
    """The oldest of each pairing first."""
    pairings = [pairing.name for platform in settings.platforms for pairing in platform.pairings]
    found = [review for name in pairings for review in state.open_reviews(name)]
    for review in found:
        yield from _lines(review)
    yield f"{len(found)} open. Answer with: python -m crm_patterns reviews choose ID salesforce|platform"


def _lines(review: OpenReview) -> Iterator[str]:
    from crm_patterns.patterns.plan_text import shown

    yield f"{review.review_id}  {review.pairing}  {review.field_name}  asked {review.asked_at:%Y-%m-%d %H:%M} UTC"
    yield f"    salesforce {shown(review.left)}   platform {shown(review.right)}   ({review.reason})"
    if review.choice is not None:
        yield f"    {_said(review.choice)} was chosen by {review.chosen_by}; the next run applies it"


def _choose(state: OperationalState, review_id: str, which: str) -> int:
    from crm_patterns.pairings import SIDES

    if state.choose_review(review_id, SIDES[which], by=getpass.getuser(), at=datetime.now(UTC)):
        sys.stdout.write(f"The value of {which} is chosen. The next run of crm_marketing_sync applies it.\n")
        return 0
    sys.stderr.write(f"There is no open question {review_id}. List them: python -m crm_patterns reviews\n")
    return 1


def _said(side: Side) -> str:
    from crm_patterns.pairings import SIDES

    return next(name for name, known in SIDES.items() if known is side)


def _state(settings: MarketingSyncSettings) -> OperationalState:
    from crm_patterns.hooks.state import StateHook

    return StateHook(settings.state_conn_id).state()
