"""What the source still grants: asked once per run, known to all of its tasks."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from crm_patterns.core.errors import IntegrationError, OutOfBudget
from crm_patterns.core.ports import Allowance, Grant, RunKey, Source, State
from crm_patterns.patterns.quota import AS_USUAL, Means, QuotaRules, choose_method, means, reason_to_wait

log = logging.getLogger(__name__)

FRESH_FOR = timedelta(minutes=30)
"""A task that is cleared hours later asks again."""


def note(source: Source, state: State, run: RunKey, *, at: datetime) -> Allowance | None:
    """Ask the source and keep the answer for this run. None where it cannot be asked; whoever reads next says why."""
    try:
        told = source.allowance()
    except OutOfBudget as spent:
        log.warning("%s", spent.problem)
        told = Allowance(Grant(0), Grant(), Grant(), at)
    except IntegrationError as error:
        log.warning("What the source still grants is not known: %s", error.problem)
        return None
    log.info("API calls: %s; bulk jobs: %s; megabytes of their results: %s.", told.calls, told.jobs, told.job_mb)
    state.note_allowance(run, source.name, told)
    return told


def admit(source: Source, state: State, run: RunKey, rules: QuotaRules, *, job_page_rows: int, at: datetime) -> Means:
    """How an object may be read. OutOfBudget below the reserve, without a call where this run has asked already."""
    allowance = state.allowance(run, source.name)
    if allowance is None or at - allowance.read_at > FRESH_FOR:
        allowance = note(source, state, run, at=at)
    reason = reason_to_wait(allowance, rules)
    if reason:
        raise _wait(reason)
    return means(allowance, rules, job_page_rows=job_page_rows)


def choose(preference: str, *, rows: int, rest_below: int, by: Means = AS_USUAL) -> tuple[str, str]:
    """`bulk` or `rest`, and why. OutOfBudget where the quota that is left allows neither."""
    method, reason = choose_method(preference, rows=rows, rest_below=rest_below, means=by)
    if method == "wait":
        raise _wait(reason)
    return method, reason


def _wait(reason: str) -> OutOfBudget:
    return OutOfBudget(f"{reason[0].upper()}{reason[1:]}.")
