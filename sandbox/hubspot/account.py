"""The account: records, clock, search index, limits, and everything else that the calls share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.faults import FaultBoard
from sandbox.hubspot.associations import Associations
from sandbox.hubspot.consent import Consent
from sandbox.hubspot.credentials import Credentials, load_or_create
from sandbox.hubspot.engagement import Engagement
from sandbox.hubspot.errors import HubSpotFault
from sandbox.hubspot.limits import Limits
from sandbox.hubspot.records import Record, Records
from sandbox.hubspot.schema import OBJECT_TYPES, Property, load_properties
from sandbox.hubspot.search_index import SearchIndex
from sandbox.hubspot.tokens import Tokens
from sandbox.hubspot.webhooks import Webhooks
from sandbox.journal import Journal
from sandbox.keeping import Keeper


@dataclass(slots=True)
class Settings:
    """How the account behaves where accounts differ.

    `index_lag_s`: until a change is found by search. `whole_batch_refused`: a bad value refuses the whole batch (400)
    instead of its record (207). `shuffle_results`: batches answer in an order of their own. `page_limit`: most records
    of a list page. `scopes`: what the tokens may do; None is all.
    """

    index_lag_s: float = 3.0
    whole_batch_refused: bool = False
    shuffle_results: bool = True
    page_limit: int = 100
    scopes: list[str] | None = None


@dataclass(slots=True)
class Edits:
    """Who makes a change, as webhooks and histories tell it."""

    source: str
    source_id: str


PERSON = Edits("CRM_UI", "userId:4711")


class Account:
    """One HubSpot account over one folder. Not for several threads: all calls are served in one event loop."""

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
        self.records: dict[str, Records] = {}
        for object_type in OBJECT_TYPES:
            self.records[object_type.name] = Records(object_type, load_properties(object_type))
        self.indexes = {name: SearchIndex(records, self.clock) for name, records in self.records.items()}
        self.associations = Associations(self.keeper)
        self.webhooks = Webhooks(self.credentials, self.clock)
        self.consent = Consent(self)
        self.engagement = Engagement(self.keeper)
        self._load()

    def of(self, name: str) -> Records:
        """Records of an object by its name or type id. Raises the 400 that HubSpot answers for another."""
        for records in self.records.values():
            if name in (records.type.name, records.type.type_id, records.type.singular.lower()):
                return records
        raise HubSpotFault(400, "VALIDATION_ERROR", f"Unable to infer object type from: {name}")

    def put(self, records: Records, record: Record, *, indexed: bool = False) -> None:
        """Keep a new state of a record; the search index learns of it later, or (`indexed`) now."""
        records.put(record)
        self.keeper.put(records.type.name, str(record.id), record.as_kept())
        self.indexes[records.type.name].learn(record, lag_s=0.0 if indexed else self.settings.index_lag_s)

    def forget(self, records: Records, record_id: int) -> None:
        """Remove a record for good, from the search index at once."""
        records.remove(record_id)
        self.keeper.drop(records.type.name, str(record_id))
        self.indexes[records.type.name].forget(record_id)

    def put_property(self, records: Records, known: Property) -> None:
        """Add or replace a property."""
        records.properties[known.name] = known
        records.index_unique(known)
        body: dict[str, Any] = {name: getattr(known, name) for name in known.__slots__}
        body["options"], body["hidden_options"] = dict(known.options), sorted(known.hidden_options)
        self.keeper.put(f"{records.type.name} properties", known.name, body)

    def close(self) -> None:
        self.keeper.close()

    def _load(self) -> None:
        for name, records in self.records.items():
            for _, body in self.keeper.all(f"{name} properties"):
                known = Property(**{**body, "hidden_options": frozenset(body["hidden_options"])})
                records.properties[known.name] = known
                records.index_unique(known)
            for identity, body in self.keeper.all(name):
                record = Record.from_kept(int(identity), body)
                records.put(record)
                self.indexes[name].learn(record, lag_s=0.0)


@dataclass(slots=True)
class Caller:
    """Who sent a request: by which app, and whether by OAuth."""

    edits: Edits
    is_oauth: bool
    scopes: list[str] | None = field(default=None)
