"""Salesforce as a `core.ports.Sink`: any object by its name, and `Person`, which is leads and contacts as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from crm_patterns.clients.auth import ServerClock
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce import soql
from crm_patterns.clients.salesforce.errors import Gone
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.people import KINDS, PERSON, People, lacking
from crm_patterns.clients.salesforce.reading_records import RecordReader
from crm_patterns.clients.salesforce.target_wire import SObject, read_sobject
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.salesforce.writing import WriteOptions, Writer
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import Usage, WriteAnswer
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window


class SalesforceSink:
    """
    One org. Signs in at the first call; close it when done.

    FixSettings at once where the connection is incomplete; every other fault comes with the call that meets it.
    """

    name = "salesforce"
    lookup_lag_s = 0.0
    """A query reads what was committed, its own writes included."""

    def __init__(
        self, connection: SalesforceConnection, *, options: WriteOptions | None = None, patience: Patience | None = None
    ) -> None:
        self._org = Org(connection, patience=patience)
        self._options = options or WriteOptions()
        self._described: dict[str, SObject] = {}
        self._writers: dict[str, Writer] = {}
        self._opened_at: datetime | None = None

    def now(self) -> datetime:
        return self._org.now()

    def usage(self) -> Usage:
        return self._org.meter.usage()

    def close(self) -> None:
        self._org.close()

    # --- reading ------------------------------------------------------------------------------------------------------

    def describe_target(self, object_name: str) -> TargetDescription:
        """Read once: fields that come or go are seen by the next client."""
        return self._people().description() if object_name == PERSON else self._sobject(object_name).description

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        """A converted lead is given with the contact it became as `merged_into`."""
        if object_name != PERSON:
            return self._reader(self._sobject(object_name)).by_ids(fields, record_ids)
        people, found = self._people(), dict[str, TargetRecord]()
        for kind, ids in people.ids_by_kind(record_ids):
            has, lacks = people.had_by(kind, fields)
            found |= lacking(self._reader(kind).by_ids(has, ids), lacks)
        return found

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        """Of people, leads first and then contacts."""
        if object_name != PERSON:
            yield from self._reader(self._sobject(object_name)).window(fields, window)
            return
        people = self._people()
        for kind in people.kinds:
            has, lacks = people.had_by(kind, fields)
            for page in self._reader(kind).window(has, window):
                yield list(lacking({record.record_id: record for record in page}, lacks).values())

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        """A converted lead is not found, the contact it became is. A lead and a contact may both hold a value."""
        if object_name != PERSON:
            return self._reader(self._sobject(object_name)).by_value(fields, field_name, values)
        people, found = self._people(), dict[str, list[TargetRecord]]()
        people.had_by(people.lead, [field_name])
        for kind in people.kinds:
            has, lacks = people.had_by(kind, fields)
            if field_name.lower() not in kind.description.by_name:
                continue
            for value, holders in self._reader(kind).by_value(has, field_name, values).items():
                holders = list(lacking({each.record_id: each for each in holders}, lacks).values())
                found.setdefault(value, []).extend(holders)
        return found

    # --- writing ------------------------------------------------------------------------------------------------------

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:  # noqa: ARG002 - the same for all
        """200 for a call of sObject Collections, or as many as a bulk job is given."""
        return self._options.batch_size(changes)

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        """A create with an external id as `lookup` is sent as an upsert by it. A new person is a lead."""
        if object_name != PERSON:
            return self._writer(self._sobject(object_name)).apply(action, batch)
        by_kind = list(self._people().changes_by_kind(action, batch))
        return [answer for kind, changes in by_kind for answer in self._writer(kind).apply(action, changes)]

    # --- plumbing -----------------------------------------------------------------------------------------------------

    def _people(self) -> People:
        lead, contact = (self._sobject(name) for name in KINDS)
        return People(lead, contact)

    def _sobject(self, object_name: str) -> SObject:
        if object_name not in self._described:
            try:
                if not soql.is_name(object_name):
                    raise Gone(f"{object_name!r} is not a name.")
                path = f"{self._org.base}/sobjects/{object_name}/describe"
                reply = self._org.get(path, f"the description of {object_name}")
            except Gone as error:
                raise FixSettings(
                    f"Salesforce has no object {object_name} that this user may use.",
                    fix="Correct the name in the settings, or give the integration user access.",
                ) from error
            clock = ServerClock.of(reply.headers)
            self._opened_at = self._opened_at or (clock.now() if clock else self.now())
            self._described[object_name] = read_sobject(read_json(reply.body))
        return self._described[object_name]

    def _reader(self, about: SObject) -> RecordReader:
        return RecordReader(self._org, about)

    def _writer(self, about: SObject) -> Writer:
        if about.name not in self._writers:
            opened_at = self._opened_at or self.now()
            self._writers[about.name] = Writer(self._org, about, self._options, opened_at=opened_at)
        return self._writers[about.name]
