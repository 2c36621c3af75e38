"""The conditions under which an org works: how fast its jobs are, how large its pages, which faults are in force."""

import weakref
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.faults import FaultBoard
from sandbox.journal import Journal

if TYPE_CHECKING:
    from sandbox.salesforce.outbound import OutboundMessages
    from sandbox.salesforce.store import Org


class BulkSettings(BaseModel):
    """How Bulk API 2.0 behaves.

    `queue_s`: seconds a job stays UploadComplete. `run_s`: the least it stays InProgress.
    `page_rows`: size of a result set when the client names none, and of each resultPages link.
    `max_page_rows`: what a client gets at most, whatever it asks.
    `hard_delete_allowed`: whether the user has the permission "Bulk API Hard Delete".
    `empty_result`: what the set of a query without records holds; the guide allows both.
    """

    model_config = ConfigDict(extra="forbid")

    queue_s: float = Field(default=0.0, ge=0)
    run_s: float = Field(default=0.05, ge=0)
    page_rows: int = Field(default=50_000, ge=1)
    max_page_rows: int = Field(default=250_000, ge=1)
    hard_delete_allowed: bool = True
    empty_result: Literal["header", "nothing"] = "header"


class Conditions:
    """Faults, journal and settings of one org; all of it lives as long as the process."""

    def __init__(self) -> None:
        self.faults = FaultBoard()
        self.journal = Journal()
        self.bulk = BulkSettings()
        self.outbound: OutboundMessages | None = None


_CONDITIONS: "weakref.WeakKeyDictionary[Org, Conditions]" = weakref.WeakKeyDictionary()


def outbound_of(org: "Org") -> "OutboundMessages":
    """The messages that this org sends."""
    from sandbox.salesforce.outbound import OutboundMessages

    conditions = conditions_of(org)
    if conditions.outbound is None:
        conditions.outbound = OutboundMessages(org)
    return conditions.outbound


def conditions_of(org: "Org") -> Conditions:
    """The one set of conditions of this org, shared by all its modules."""
    return _CONDITIONS.setdefault(org, Conditions())
