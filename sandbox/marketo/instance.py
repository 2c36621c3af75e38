"""The instance: leads, activities, programs, clock, limits, and everything else that the calls share."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.clock import Clock
from sandbox.faults import FaultBoard
from sandbox.journal import Journal
from sandbox.keeping import Keeper
from sandbox.marketo.activities import Activities
from sandbox.marketo.credentials import Credentials, load_or_create
from sandbox.marketo.exports import Exports
from sandbox.marketo.leads import Leads
from sandbox.marketo.limits import Limits
from sandbox.marketo.programs import Programs
from sandbox.marketo.schema import load_fields
from sandbox.marketo.tokens import Tokens


@dataclass(slots=True)
class Settings:
    """How the instance behaves where instances differ.

    `activity_lag_s`: until an activity is seen. `polls`: how often a job is asked for before its state moves on.
    `updated_at_filter`: whether extracts may filter by updatedAt (else 1035). `upsert_gap_s`: between looking for a
    lead and creating it, so that two upserts of one key at once make two leads. `crm_sync`: deletes
    are refused (1018).
    """

    activity_lag_s: float = 0.0
    polls: int = 1
    updated_at_filter: bool = False
    upsert_gap_s: float = 0.0
    crm_sync: bool = False


class Instance:
    """One Marketo instance over one folder. Not for several threads: all calls are served in one event loop."""

    def __init__(self, folder: Path, *, seed: int = 7) -> None:
        self.folder = folder
        self.seed = seed
        self.keeper = Keeper(folder)
        self.credentials: Credentials = load_or_create(folder)
        self.clock = Clock()
        self.settings = Settings()
        self.faults = FaultBoard()
        self.journal = Journal()
        self.limits = Limits(self.clock)
        self.tokens = Tokens(self.credentials, self.clock)
        self.fields = load_fields()
        self.activities = Activities(self.keeper, self.clock)
        self.leads = Leads(self.keeper, self.clock, self.fields, self.activities)
        self.programs = Programs(self.keeper, self.clock, self.activities)
        self.exports = Exports(self.limits, self.clock)

    def close(self) -> None:
        self.keeper.close()
