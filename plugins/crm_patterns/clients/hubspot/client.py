"""HubSpot as a `core.ports.Sink`: records read and written, associations, and what the account has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx

from crm_patterns.clients.auth import ServerClock, TokenCache
from crm_patterns.clients.hubspot import wire
from crm_patterns.clients.hubspot.api import HubSpotApi, Pace, PaceOptions
from crm_patterns.clients.hubspot.associations import Associations
from crm_patterns.clients.hubspot.connection import HubSpotConnection
from crm_patterns.clients.hubspot.errors import Refused, judge
from crm_patterns.clients.hubspot.optouts import combined, has_opt_out, opt_out, without_opt_out
from crm_patterns.clients.hubspot.reading import Reader
from crm_patterns.clients.hubspot.responses import read_responses
from crm_patterns.clients.hubspot.sign_in import signer_in
from crm_patterns.clients.hubspot.writing import BATCH, Writer
from crm_patterns.clients.quota import CallMeter
from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.transport import Transport
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings, StopRun
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import Answer, CampaignResponse, Usage, WriteAnswer
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window

SYNCED = ("contacts", "companies")


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Which account it is; its day, by which daily calls are counted, is that of `time_zone`."""

    portal_id: str
    time_zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class DailyCalls:
    """Calls of all private apps of the account today; `resets_at` is when they are counted anew."""

    used: int
    allowed: int
    resets_at: datetime | None


class HubSpotClient:
    """
    One account. May be used from several threads; close it when done.

    FixSettings at once where the connection is incomplete; every other fault comes with the call that meets it.
    """

    name = "hubspot"
    lookup_lag_s = 0.0
    """Of `find` by a unique property, which asks the records. By another it asks the search index, minutes behind."""

    def __init__(
        self, connection: HubSpotConnection, *, patience: Patience | None = None, pace: PaceOptions | None = None
    ) -> None:
        patience = patience or Patience()
        self._meter = CallMeter()
        self._http = httpx.Client(
            timeout=httpx.Timeout(connection.read_timeout_s, connect=connection.connect_timeout_s),
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=8),
            headers={"User-Agent": "crm-integration-patterns", "Accept": "application/json"},
        )
        transport = Transport(
            self._http,
            judge=judge,
            session=TokenCache(signer_in(connection, self._http, patience=patience)),
            meter=self._meter,
            read_usage=wire.read_usage,
            patience=patience,
        )
        self._api = HubSpotApi(transport, Pace(pace or PaceOptions(), sleep=patience.sleep))
        self._clock: ServerClock | None = None
        self._described: dict[str, TargetDescription] = {}

    # --- the account --------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """By the server's `Date` header, asked for once and carried on."""
        if self._clock is None:
            reply = self._api.reply("/account-info/v3/details", "the account")
            self._clock = ServerClock.of(reply.headers)
            if self._clock is None:
                raise StopRun(f"{reply.host} sends no usable Date header, so its clock is unknown.")
        return self._clock.now()

    def account(self) -> AccountFacts:
        data = self._api.get("/account-info/v3/details", "the account")
        return AccountFacts(str(data.get("portalId")), str(data.get("timeZone")), str(data.get("companyCurrency")))

    def daily_calls(self) -> DailyCalls:
        """FixSettings with OAuth, whose calls HubSpot does not count by the day."""
        data = self._api.get("/account-info/v3/api-usage/daily/private-apps", "the account's daily calls")
        told: Mapping[str, Any] = next(iter(data.get("results") or ()), {})
        resets_at = wire.read_moment(told.get("resetsAt"))
        return DailyCalls(int(told.get("currentUsage", 0)), int(told.get("usageLimit", 0)), resets_at)

    def introduce(self) -> str:
        """Which account answers, and that contacts and companies may be read: a sentence for whoever tests it."""
        facts = self.account()
        readable = [f"{len(self.describe_target(name).fields)} properties of {name}" for name in SYNCED]
        for name in SYNCED:
            self._api.get(f"/crm/v3/objects/{name}", f"the list of {name}", params={"limit": "1"})
        return f"HubSpot account {facts.portal_id} ({facts.time_zone}) answers; {' and '.join(readable)} may be read."

    def usage(self) -> Usage:
        return self._meter.usage()

    def close(self) -> None:
        self._http.close()

    # --- reading ------------------------------------------------------------------------------------------------------

    def describe_target(self, object_name: str) -> TargetDescription:
        """Read once: properties that come or go are seen by the next client."""
        if object_name not in self._described:
            path = f"/crm/v3/properties/{object_name}"
            try:
                data = self._api.get(path, f"the properties of {object_name}")
            except Refused as error:
                fix = f"Correct the object's name in the settings; HubSpot's are {', '.join(SYNCED)} and so on."
                raise FixSettings(f"HubSpot has no object {object_name}.", fix=fix) from error
            self._described[object_name] = wire.read_description(object_name, data)
        return self._described[object_name]

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        return self._reader(object_name).by_ids(fields, record_ids)

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        """As the search index knows them, which is behind by seconds to minutes; without a start, by the list."""
        return self._reader(object_name).window(fields, window)

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        reader = self._reader(object_name)
        known = self.describe_target(object_name).by_name.get(field_name.lower())
        by = reader.by_unique if known is not None and known.unique else reader.by_value
        return by(field_name, values, fields)

    def responses(self, window: Window) -> Iterator[CampaignResponse]:
        """As `core.ports.responses.ResponseSource`: e-mail events and form submissions of people who are contacts."""
        yield from read_responses(self._api, window, contacts=self._contact_ids)

    def _contact_ids(self, emails: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for some in pieces(emails, 100):
            held = self.find("contacts", "email", some, fields=("email",))
            found |= {email: records[0].record_id for email, records in held.items()}
        return found

    # --- writing ------------------------------------------------------------------------------------------------------

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:  # noqa: ARG002 - the same for all
        return BATCH

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        """A create with a unique `lookup`, other than an e-mail address, is sent as an upsert by it."""
        writer = Writer(self._api, self.describe_target(object_name))
        special = [change for change in batch if action is not Action.DELETE and has_opt_out(change)]
        if not special:
            return writer.apply(action, batch)
        rests = {change.change_id: without_opt_out(change) for change in special}
        plain = [rests.get(change.change_id, change) for change in batch]
        written = {answer.change_id: answer for answer in writer.apply(action, [each for each in plain if each.fields])}
        return [self._with_opt_out(object_name, change, rests.get(change.change_id), written) for change in batch]

    def _with_opt_out(
        self, object_name: str, change: Change, rest: Change | None, written: Mapping[str, WriteAnswer]
    ) -> WriteAnswer:
        if rest is None:
            return written[change.change_id]
        done = [written[rest.change_id]] if rest.fields else []
        if done and done[0].answer is not Answer.ACCEPTED:
            return combined(change, done)
        record_id = done[0].record_id if done else change.record_id
        record = self.read_records(object_name, ("email",), [record_id]).get(record_id)
        answer = combined(change, [*done, opt_out(self._api, change, record)])
        return replace(answer, record_id=record_id, created=bool(done) and done[0].created)

    # --- what belongs together ----------------------------------------------------------------------------------------

    def associations(self, source: str, target: str) -> Associations:
        """From one object to another, for example from contacts to companies."""
        return Associations(self._api, source, target)

    def _reader(self, object_name: str) -> Reader:
        return Reader(self._api, self.describe_target(object_name))
