"""Marketo as a `core.ports.Sink` and `ResponseSource`: leads read and written, responses, and what the day has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from crm_patterns.clients.auth import ServerClock, TokenCache
from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.activities import FORM, PROGRESSED, ActivityLog
from crm_patterns.clients.marketo.api import MarketoApi, Pace, PaceOptions
from crm_patterns.clients.marketo.connection import MarketoConnection
from crm_patterns.clients.marketo.errors import judge
from crm_patterns.clients.marketo.extracts import LeadExtracts
from crm_patterns.clients.marketo.gone import GoneLeads
from crm_patterns.clients.marketo.reading import Reader
from crm_patterns.clients.marketo.sign_in import signer_in
from crm_patterns.clients.marketo.writing import BATCH, Writer
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.transport import Transport
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.ports import CampaignResponse, Usage, WriteAnswer
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window

BEGINNING = datetime(2007, 1, 1, tzinfo=UTC)
FILLED_OUT = "Filled-out Form"


class MarketoClient:
    """
    One instance. May be used from several threads; close it when done.

    FixSettings at once where the connection is incomplete; every other fault comes with the call that meets it.
    """

    name = "marketo"
    lookup_lag_s = 0.0

    def __init__(
        self, connection: MarketoConnection, *, patience: Patience | None = None, pace: PaceOptions | None = None
    ) -> None:
        patience = patience or Patience()
        self._connection = connection
        self._meter = CallMeter()
        self._http = httpx.Client(
            timeout=httpx.Timeout(connection.read_timeout_s, connect=connection.connect_timeout_s),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
            headers={"User-Agent": "crm-integration-patterns", "Accept": "application/json"},
        )
        self._session = TokenCache(signer_in(connection, self._http, patience=patience))
        transport = Transport(self._http, judge=judge, session=self._session, meter=self._meter, patience=patience)
        self._api = MarketoApi(transport, Pace(pace or PaceOptions(), sleep=patience.sleep))
        self._extracts = LeadExtracts(self._api, sleep=patience.sleep)
        self._gone = GoneLeads(self._api, self.now)
        self._clock: ServerClock | None = None
        self._described: wire.LeadsDescribed | None = None

    # --- the instance -------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """By the `Date` header of the sign-in, carried on."""
        if self._clock is None:
            self._clock = self._session.token().clock
            if self._clock is None:
                raise StopRun(f"{self._connection.url} sends no usable Date header, so its clock is unknown.")
        return self._clock.now()

    def daily_calls(self) -> tuple[int, int]:
        """(used, allowed) calls of the whole instance today; what is allowed is the connection's `daily_calls`."""
        told: Sequence[Mapping[str, Any]] = self._api.get("/rest/v1/stats/usage.json", "the calls of today").get("result") or ()  # noqa: E501 # fmt: skip
        used = int(told[0].get("total", 0)) if told else 0
        self._meter.note((used, self._connection.daily_calls))
        return used, self._connection.daily_calls

    def introduce(self) -> str:
        """Which instance answers, and that leads and activities may be read: a sentence for whoever tests it."""
        fields = len(self.describe_target(wire.LEADS).fields)
        self.read_records(wire.LEADS, ["email"], ["1"])
        used, allowed = self.daily_calls()
        host = httpx.URL(self._connection.url).host
        return (
            f"The Marketo instance at {host} answers; {fields} fields of leads, and activities, may be read. "
            f"{used} of {allowed} calls of today are used."
        )

    def usage(self) -> Usage:
        return self._meter.usage()

    def close(self) -> None:
        self._http.close()

    # --- reading ------------------------------------------------------------------------------------------------------

    def describe_target(self, object_name: str) -> TargetDescription:
        """Read once: fields that come or go are seen by the next client."""
        return self._leads(object_name).description

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        return self._reader(object_name).by_ids(fields, record_ids)

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        """By activities, which are behind by minutes; without a start, or from long ago, by bulk extracts."""
        return self._reader(object_name).window(fields, window, self._connection.first_lead_on)

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        return self._reader(object_name).by_value(field_name, values, fields)

    def responses(self, window: Window) -> Iterator[CampaignResponse]:
        """
        Steps in programs, by the program's name, and forms that were filled in, by the form's name.

        Opens and clicks are none: scanners of mail make them too. Activities are behind by minutes.
        """
        seen: set[str] = set()
        for page in ActivityLog(self._api).pages((PROGRESSED, FORM), window.start or BEGINNING, window.end):
            for each in page:
                if each.guid not in seen:
                    seen.add(each.guid)
                    status = each.attributes.get("New Status", "") if each.type_id == PROGRESSED else FILLED_OUT
                    yield CampaignResponse(each.lead_id, each.primary or each.primary_id, status, each.at)

    # --- writing ------------------------------------------------------------------------------------------------------

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:  # noqa: ARG002 - the same for all
        return BATCH

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        """A create with a unique `lookup`, other than an e-mail address, is sent as an upsert by it."""
        description = self.describe_target(object_name)
        return Writer(self._api, description, partition=self._connection.partition).apply(action, batch)

    def _leads(self, object_name: str) -> wire.LeadsDescribed:
        if object_name.lower() != wire.LEADS:
            raise FixSettings(
                f"{object_name} of Marketo cannot be synced.", fix=f"Its object is called {wire.LEADS} in the settings."
            )
        if self._described is None:
            answer = self._api.get("/rest/v1/leads/describe2.json", "the description of leads")
            self._described = wire.read_description(answer)
        return self._described

    def _reader(self, object_name: str) -> Reader:
        return Reader(self._api, self._leads(object_name), self._extracts, self._gone, self.now)
