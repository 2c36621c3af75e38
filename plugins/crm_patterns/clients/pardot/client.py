"""Account Engagement as a `core.ports.Sink`: prospects read and written; and as a source of campaign responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from crm_patterns.clients.auth import ServerClock, Token, TokenCache
from crm_patterns.clients.pardot import wire
from crm_patterns.clients.pardot.api import AccountDay, PaceOptions, PardotApi
from crm_patterns.clients.pardot.connection import PardotConnection
from crm_patterns.clients.pardot.errors import judge_with
from crm_patterns.clients.pardot.reading import PAGE, Reader
from crm_patterns.clients.pardot.wire import PROSPECTS
from crm_patterns.clients.pardot.writing import BATCH, Writer
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce_sign_in.sign_in import signer_in
from crm_patterns.clients.transport import Transport
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.ports import Usage, WriteAnswer
from crm_patterns.core.ports.responses import CampaignResponse
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window

CUSTOM_FIELDS = "id,name,fieldId,type,isRequired"


class PardotClient:
    """
    One business unit. May be used from several threads; close it when done.

    FixSettings at once where the connection is incomplete; every other fault comes with the call that meets it.
    """

    name = "pardot"
    lookup_lag_s = 60.0
    """Reads may come from a cache that is so old."""

    def __init__(
        self, connection: PardotConnection, *, patience: Patience | None = None, pace: PaceOptions | None = None
    ) -> None:
        patience, options = patience or Patience(), pace or PaceOptions()
        self.unit, self._meter, self._day = connection.unit, CallMeter(), AccountDay(connection.zone)
        self._http = _http_client(connection)
        transport = Transport(
            self._http,
            judge=judge_with(self._day_ends),
            session=TokenCache(self._signer_in(connection, patience)),
            meter=self._meter,
            read_usage=wire.read_usage,
            patience=patience,
        )
        self._api = PardotApi(transport, self.unit, options, self._day)
        self._clock: ServerClock | None = None
        self._described: TargetDescription | None = None

    # --- the business unit --------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """By the server's `Date` header, asked for once and carried on."""
        if self._clock is None:
            reply = self._api.reply(PROSPECTS, PROSPECTS, {"fields": "id", "limit": "1"})
            self._clock = ServerClock.of(reply.headers)
            if self._clock is None:
                raise StopRun(f"{reply.host} sends no usable Date header, so its clock is unknown.")
        return self._clock.now()

    def introduce(self) -> str:
        """Which business unit answers, and that prospects may be read: a sentence for whoever tests it."""
        fields = len(self.describe_target(PROSPECTS).fields)
        self._api.get(PROSPECTS, PROSPECTS, {"fields": "id,email", "limit": "1"})
        usage = self.usage()
        spent = f"; {usage.used} of {usage.allowed} calls of today are used" if usage.allowed else ""
        return (
            f"Business unit {self.unit} of Account Engagement answers; {fields} fields of prospects are known{spent}."
        )

    def usage(self) -> Usage:
        return self._meter.usage()

    def close(self) -> None:
        self._http.close()

    # --- reading ------------------------------------------------------------------------------------------------------

    def describe_target(self, object_name: str) -> TargetDescription:
        """Custom fields are read once: those that come or go are seen by the next client."""
        if object_name != PROSPECTS:
            raise FixSettings(
                f"Account Engagement's {object_name} cannot be written.",
                fix=f"Use {PROSPECTS}; accounts, campaigns and their members are written in Salesforce.",
            )
        if self._described is None:
            asked = {"fields": CUSTOM_FIELDS, "limit": str(PAGE)}
            told = self._api.get("custom-fields", "the custom fields of prospects", asked)
            self._described = wire.read_description(told.get("values") or ())
        return self._described

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        """Account Engagement may answer from a cache of up to 60 s, and does not tell what was merged."""
        return self._reader(object_name).by_ids(fields, record_ids)

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        """What was merged or deleted for good is not told. Let windows end a minute or two ago."""
        return self._reader(object_name).window(fields, window)

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        """By `email` and `salesforceId` a call per value; by any other field all prospects are read."""
        return self._reader(object_name).by_value(field_name, values, fields)

    def responses(self, window: Window) -> Iterator[CampaignResponse]:
        """As `core.ports.responses.ResponseSource`; the campaign by its Salesforce id where it is connected."""
        return self._reader(PROSPECTS).responses(window)

    # --- writing ------------------------------------------------------------------------------------------------------

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:  # noqa: ARG002 - the same for all
        return BATCH

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        """A create is an upsert by the e-mail address of `wanted`."""
        return Writer(self._api, self.describe_target(object_name)).apply(action, batch)

    def _reader(self, object_name: str) -> Reader:
        return Reader(self._api, self.describe_target(object_name))

    def _day_ends(self) -> datetime | None:
        return self._day.ends_after(self._clock.now() if self._clock else datetime.now(UTC))

    def _signer_in(self, connection: PardotConnection, patience: Patience) -> Callable[[], Token]:
        sign_in, url = signer_in(connection.salesforce, self._http, patience=patience), connection.url

        def token() -> Token:
            """Salesforce's, for the host of Account Engagement."""
            return replace(sign_in(), base_url=url)

        return token


def _http_client(connection: PardotConnection) -> httpx.Client:
    org = connection.salesforce
    return httpx.Client(
        timeout=httpx.Timeout(org.read_timeout_s, connect=org.connect_timeout_s),
        limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
        mounts={f"{scheme}://": httpx.HTTPTransport(proxy=url) for scheme, url in org.proxy_by_scheme.items()},
        headers={"User-Agent": "crm-integration-patterns", "Accept": "application/json"},
    )
