"""Marketo is a sink."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import pytest

from crm_patterns.clients.marketo.client import MarketoClient
from crm_patterns.core.changes import Action
from crm_patterns.core.values import Value, text_of
from tests.conformance.marketo.marketo_world import WRITES, MarketoWorld
from tests.conformance.sink_suite import Names, SinkSuite


class MarketoLeads:
    """A `SinkWorld` of the instance's leads."""

    names = Names(
        system="marketo",
        object_name="leads",
        text="syncNote",
        mail="email",
        key="sfRecordId18",
        choice="numberOfEmployees",
        good_choice="40",
        bad_choice="many",
        unknown_id="999999999",
        restricted=False,
    )
    merges = tells_deleted = True
    changes_window = timedelta(seconds=1)

    def __init__(self, instance: MarketoWorld) -> None:
        self._instance = instance

    def now(self) -> datetime:
        return self._instance.now()

    def new(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """A create needs an address, or a key that it is an upsert by."""
        return values

    def put(self, records: Sequence[Mapping[str, Value]], *, at: datetime | None = None) -> list[str]:
        return self._instance.people(*({n: text_of(v) for n, v in each.items()} for each in records), at=at)

    def remove(self, ids: Sequence[str]) -> None:
        self._instance.control("POST", "delete", {"ids": [int(each) for each in ids]})

    def merge(self, winner: str, loser: str) -> None:
        self._instance.control("POST", "merge", {"winner": int(winner), "losers": [int(loser)]})

    def held(self, record_id: str) -> Mapping[str, Value]:
        return self._instance.stored(record_id)

    def holders(self, field_name: str, value: str) -> list[str]:
        return self._instance.holders(field_name, value)

    def lose_answer(self, action: Action) -> None:  # creates and updates have one address
        self._instance.fault(kind="lost_reply", method="POST", path=WRITES)

    def lock(self, value: str) -> None:
        self._instance.fault(kind="row_failure", field="syncNote", matches=value)

    def writes(self) -> int:
        return len(self._instance.writes())


class TestMarketoIsASink(SinkSuite):
    @pytest.fixture
    def world(self, instance: MarketoWorld) -> MarketoLeads:
        instance.calm()
        return MarketoLeads(instance)

    @pytest.fixture
    def sink(self, instance: MarketoWorld) -> Iterator[MarketoClient]:
        client = instance.client(first_lead_on=date(2020, 12, 1))  # the suite has leads of 2021
        yield client
        client.close()
