"""May an object be read with what the source still grants, and by which interface?"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from crm_patterns.core.ports import Allowance

REST_PAGE_ROWS = 2_000
REST_WITHOUT_BULK_ROWS = 20_000
JOB_CALLS = 5
"""A bulk job is made, asked after twice, listed and deleted; its pages come on top."""


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """
    `reserve_share` (0..1) of each daily quota is left to others. `rest_when_bulk_is_out_rows`: windows up to so many
    rows are read by REST when no job may be started.
    """

    reserve_share: float = 0.1
    rest_when_bulk_is_out_rows: int = REST_WITHOUT_BULK_ROWS


@dataclass(frozen=True, slots=True)
class Means:
    """What a read may use. Empty texts: as usual; otherwise why bulk jobs or calls have to be spared."""

    bulk_is_out: str = ""
    calls_are_low: str = ""
    rest_when_bulk_is_out_rows: int = REST_WITHOUT_BULK_ROWS
    job_page_rows: int = 50_000


AS_USUAL = Means()


def reason_to_wait(allowance: Allowance | None, rules: QuotaRules) -> str:
    """Why nothing may be read at all now; empty where it may, or where the source does not tell."""
    if allowance is None or not allowance.calls.is_down_to(rules.reserve_share):
        return ""
    return f"API calls: {allowance.calls}, and the reserve of {rules.reserve_share:.0%} is for others"


def means(allowance: Allowance | None, rules: QuotaRules, *, job_page_rows: int) -> Means:
    """Jobs below their reserve are out; calls below twice theirs go to whichever interface needs fewer."""
    if allowance is None:
        return Means("", "", rules.rest_when_bulk_is_out_rows, job_page_rows)
    jobs, space, calls = allowance.jobs, allowance.job_mb, allowance.calls
    out = f"bulk jobs: {jobs}" if jobs.is_down_to(rules.reserve_share) else ""
    if space.is_down_to(rules.reserve_share):
        out = f"megabytes of bulk results: {space}"
    low = f"API calls: {calls}" if calls.is_down_to(2 * rules.reserve_share) else ""
    return Means(out, low, rules.rest_when_bulk_is_out_rows, job_page_rows)


def rest_calls(rows: int) -> int:
    return max(1, ceil(rows / REST_PAGE_ROWS))


def bulk_calls(rows: int, *, page_rows: int) -> int:
    return JOB_CALLS + max(1, ceil(rows / page_rows))


def choose_method(preference: str, *, rows: int, rest_below: int, means: Means = AS_USUAL) -> tuple[str, str]:
    """`bulk`, `rest`, or `wait` for the quota to recover, and why, in a sentence for the log and the outcome."""
    if rows == 0:
        return "rest", "the source counts no rows in the window, so none are asked for"
    method, reason = _usual(preference, rows=rows, rest_below=rest_below)
    if preference == "auto" and means.calls_are_low:
        by_rest, by_job = rest_calls(rows), bulk_calls(rows, page_rows=means.job_page_rows)
        method = "rest" if by_rest <= by_job else "bulk"
        reason = f"{means.calls_are_low}; {rows:,} rows take {by_rest:,} calls by REST and {by_job:,} by a bulk job"
    if method == "bulk" and means.bulk_is_out:
        if preference == "auto" and rows <= means.rest_when_bulk_is_out_rows:
            return "rest", f"{means.bulk_is_out}; {rows:,} rows can be read by REST instead"
        return "wait", f"{means.bulk_is_out}; {rows:,} rows are too many to read by REST instead" + (
            "" if preference == "auto" else f" (settings say read: {preference})"
        )
    return method, reason


def _usual(preference: str, *, rows: int, rest_below: int) -> tuple[str, str]:
    if preference != "auto":
        return preference, f"settings say read: {preference}"
    if rows <= rest_below:
        return "rest", f"{rows:,} rows fit in few REST pages (limit {rest_below:,}); a bulk job would cost more calls"
    return "bulk", f"{rows:,} rows are more than the REST limit of {rest_below:,}"
