"""Outcomes of steps, for the DAGs whose objects have several independent steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crm_patterns.core.ports.runs import RunKey, StepOutcome


class StepOutcomeStore(Protocol):
    """What each step of a run did for each object."""

    def record_step(self, run: RunKey, outcome: StepOutcome) -> None:
        """Insert or replace the step's outcome, and make the object's outcome of all its steps anew."""

    def step_outcomes(self, run: RunKey) -> Sequence[StepOutcome]:
        """Of all objects, by object and step."""
