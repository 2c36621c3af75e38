"""HubSpot is a sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.changes import Action
from crm_patterns.core.values import Value, text_of
from tests.conformance.hubspot.hubspot_world import HubSpotWorld
from tests.conformance.sink_suite import Names, SinkSuite


class HubSpotContacts:
    """A `SinkWorld` of the account's contacts."""

    names = Names(
        system="hubspot",
        object_name="contacts",
        text="city",
        mail="email",
        key="sf_record_id_18",
        choice="hs_lead_status",
        good_choice="NEW",
        bad_choice="MAYBE",
        unknown_id="999999999",
    )
    merges = tells_deleted = True
    changes_window = timedelta(milliseconds=1)

    def __init__(self, account: HubSpotWorld) -> None:
        self._account = account

    def now(self) -> datetime:
        return self._account.now()

    def new(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        return values

    def put(self, records: Sequence[Mapping[str, Value]], *, at: datetime | None = None) -> list[str]:
        given = [{name: text_of(value) or "" for name, value in record.items()} for record in records]
        return self._account.people(*given, at=at)

    def remove(self, ids: Sequence[str]) -> None:
        self._account.control("POST", "archive", {"object": "contacts", "ids": list(ids)})

    def merge(self, winner: str, loser: str) -> None:
        self._account.control("POST", "merge", {"object": "contacts", "winner": winner, "loser": loser})
        self._account.control("POST", "index")

    def held(self, record_id: str) -> Mapping[str, Value]:
        return self._account.stored(record_id)

    def holders(self, field_name: str, value: str) -> list[str]:
        found = self._account.control("GET", "records?object=contacts")["records"]
        living = [each for each in found if not each["archived"]]
        return [each["id"] for each in living if each["properties"].get(field_name) == value]

    def lose_answer(self, action: Action) -> None:
        self._account.fault(kind="lost_reply", path=f"batch/{action}")

    def lock(self, value: str) -> None:
        self._account.fault(kind="row_failure", category="LOCKED", status=423, property="city", matches=value)

    def writes(self) -> int:
        return sum(len(self._account.calls(f"batch/{verb}")) for verb in ("create", "update", "upsert", "archive"))


class TestHubSpotIsASink(SinkSuite):
    @pytest.fixture
    def world(self, account: HubSpotWorld) -> HubSpotContacts:
        account.calm()
        return HubSpotContacts(account)

    @pytest.fixture
    def sink(self, account: HubSpotWorld) -> Iterator[HubSpotClient]:
        client = account.client()
        yield client
        client.close()
