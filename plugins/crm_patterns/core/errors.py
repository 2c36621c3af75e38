"""
Errors are named for what to do about them.

IntegrationError
├── RetryLater     the same request may succeed in a while
│   └── SchemaMoved    the object changed since it was described; describe it again
├── RejectRecord   this record cannot be accepted; set it aside and go on
├── OutOfBudget    calls or credits are spent until a known time
│   └── BulkSpent      bulk jobs are spent; what is small may be read row by row
├── StopRun        nothing after this point could be right
└── FixSettings    a person has to change something first
"""

from __future__ import annotations

from datetime import datetime


class IntegrationError(Exception):
    """One sentence that names what is wrong, and, where there is one, the sentence that says what to do."""

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem} {self.fix}".strip()


class RetryLater(IntegrationError):
    """The same request may succeed in a while."""

    def __init__(self, problem: str, *, fix: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(problem, fix=fix)
        self.retry_after_s = retry_after_s


class SchemaMoved(RetryLater):
    """The object is no longer what it was when it was described: a field vanished or changed. Describe it again."""


class RejectRecord(IntegrationError):
    """One record cannot be accepted."""

    def __init__(self, problem: str, *, record_key: str, fix: str = "") -> None:
        super().__init__(problem, fix=fix)
        self.record_key = record_key


class OutOfBudget(IntegrationError):
    """Calls or credits are spent; `until` (UTC) says when to come back, None where the vendor does not tell."""

    def __init__(self, problem: str, *, fix: str = "", until: datetime | None = None) -> None:
        super().__init__(problem, fix=fix)
        self.until = until


class BulkSpent(OutOfBudget):
    """No bulk job may be started any more today, while single calls may."""


class StopRun(IntegrationError):
    """Nothing after this point could be right."""


class FixSettings(IntegrationError):
    """A person has to change a setting, a credential or a permission first."""
