"""Marketo says with HTTP 200 what it refuses; each code is answered in its own way."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from crm_patterns.clients.marketo.api import PaceOptions
from crm_patterns.clients.marketo.client import MarketoClient
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings, OutOfBudget, RetryLater, StopRun
from crm_patterns.core.ports import Answer
from crm_patterns.hooks.marketo import MarketoHook
from tests.conformance.marketo.marketo_world import WRITES, MarketoWorld, create


def test_the_rate_of_20_seconds_is_waited_out(world: MarketoWorld, marketo: MarketoClient) -> None:
    world.control("POST", "limits", {"burst": 4})

    for _ in range(6):
        marketo.daily_calls()

    [wait] = world.waited
    assert 20.0 <= wait <= 25.0
    assert len(world.calls("/stats/")) == 7


def test_a_client_keeps_below_the_rate_by_itself(world: MarketoWorld) -> None:
    world.control("POST", "limits", {"burst": 51})  # half of what Marketo allows, and the call that describes leads
    client = world.client(pace=PaceOptions(share=0.5))
    client.describe_target("leads")

    for _ in range(70):
        client.daily_calls()
    client.close()

    assert len(world.calls("/stats/")) == 70
    assert sum(world.waited) > 20.0


def test_too_many_calls_at_once_are_sent_again_soon(world: MarketoWorld, marketo: MarketoClient) -> None:
    world.fault(preset="615", count=2)

    marketo.daily_calls()

    assert [1.0 <= wait <= 1.25 for wait in world.waited] == [True, True]


def test_no_more_than_half_of_the_places_are_taken_at_once(world: MarketoWorld) -> None:
    world.control("POST", "limits", {"concurrent": 5})
    client = world.client(pace=PaceOptions(share=0.5))
    client.daily_calls()
    world.fault(kind="delay", path="/stats/", seconds=0.05, count=20)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: client.daily_calls(), range(20)))
    client.close()

    assert [call for call in world.calls("/stats/") if call["status"] != 200] == []
    assert not [wait for wait in world.waited if 1.0 <= wait <= 1.25]  # nothing was refused with 615


def test_a_spent_day_is_told_at_once_with_when_it_is_over(world: MarketoWorld, marketo: MarketoClient) -> None:
    marketo.describe_target("leads")
    world.control("POST", "limits", {"remaining_today": 0})

    with pytest.raises(OutOfBudget, match="calls of today are spent") as told:
        marketo.apply("leads", Action.CREATE, [create("k", email="spent@limits.example")])

    assert told.value.until is not None
    assert world.now() < told.value.until
    assert told.value.until.astimezone(UTC).hour in (5, 6)
    assert world.waited == []


def test_what_is_left_of_a_batch_when_the_day_is_spent_is_for_later(
    world: MarketoWorld, marketo: MarketoClient
) -> None:
    marketo.describe_target("leads")
    world.control("POST", "limits", {"remaining_today": 1})
    key = ("sfRecordId18", "00Q5g000000000Spnt")
    plan = [create("a", email="first@spent.example"), create("b", lookup=key, sfRecordId18=key[1])]

    answers = marketo.apply("leads", Action.CREATE, plan)

    assert [answer.answer for answer in answers] == [Answer.ACCEPTED, Answer.LATER]


@pytest.mark.parametrize(("end", "code"), [("expire_tokens", "602"), ("forget_tokens", "601")])
def test_a_token_that_is_over_is_renewed_once_and_the_call_repeated(
    end: str, code: str, world: MarketoWorld, marketo: MarketoClient
) -> None:
    marketo.describe_target("leads")
    world.control("POST", end)
    world.forget_calls()

    [answer] = marketo.apply("leads", Action.CREATE, [create("k", email=f"{code}@token.example")])

    assert answer.answer is Answer.ACCEPTED
    assert len(world.writes()) == 2
    assert len(world.calls("/identity/")) == 1
    assert world.holders("email", f"{code}@token.example") == [answer.record_id]


def test_a_token_is_shared_until_it_is_over(world: MarketoWorld) -> None:
    clients = [world.client() for _ in range(2)]
    for client in clients:
        client.daily_calls()
        client.close()

    first, second = (world.control("GET", "requests")["requests"][n]["path"] for n in (0, 2))
    assert first == second == "/identity/oauth/token"
    assert len(world.calls("/stats/")) == 2  # the second client did not end the first one's token


def test_a_wrong_secret_is_a_setting_to_fix_and_is_not_shown(world: MarketoWorld) -> None:
    client = world.client(client_secret="somebody-elses")

    with pytest.raises(FixSettings, match="LaunchPoint") as told:
        client.daily_calls()

    assert "somebody" not in str(told.value)
    assert len(world.calls()) == 1


@pytest.mark.parametrize("preset", ["502", "604", "608", "713", "719", "bad_gateway", "unavailable"])
def test_what_passes_is_asked_again(preset: str, world: MarketoWorld, marketo: MarketoClient) -> None:
    world.fault(preset=preset, path="/rest/", count=2)

    marketo.daily_calls()

    assert len(world.calls("/stats/")) == 3


def test_a_system_error_is_tried_a_few_times_and_no_more(world: MarketoWorld, marketo: MarketoClient) -> None:
    world.fault(preset="611", path="/stats/", count=2)
    marketo.daily_calls()
    world.fault(preset="611", path="/stats/", count=None)

    with pytest.raises(StopRun, match="611"):
        marketo.daily_calls()

    assert len(world.calls("/stats/")) == 6


def test_rates_that_do_not_end_leave_records_for_later(world: MarketoWorld) -> None:
    client = world.client(limit_s=0.0)  # no patience at all
    client.describe_target("leads")
    world.fault(preset="606", path=WRITES)

    [answer] = client.apply("leads", Action.CREATE, [create("k", email="rate@limits.example")])
    client.close()

    assert answer.answer is Answer.LATER
    assert world.holders("email", "rate@limits.example") == []


def test_crm_sync_forbids_deletes_with_what_to_do(world: MarketoWorld, marketo: MarketoClient) -> None:
    [there] = world.people({"email": "kept@crm.example"})
    world.control("POST", "settings", {"crm_sync": True})
    plan = Change("marketo", "leads", Action.DELETE, there, there)

    with pytest.raises(FixSettings, match="CRM sync"):
        marketo.apply("leads", Action.DELETE, [plan])


def test_nothing_answers_there(world: MarketoWorld) -> None:
    client = world.client(base_url="http://127.0.0.1:9", limit_s=0.0)

    with pytest.raises(RetryLater, match="Nothing answers"):
        client.daily_calls()


def connection(monkeypatch: pytest.MonkeyPatch, **fields: object) -> MarketoHook:
    monkeypatch.setenv("AIRFLOW_CONN_MARKETO_DEFAULT", json.dumps({"conn_type": "marketo", **fields}))
    return MarketoHook()


def test_the_test_button_says_which_instance_answers(world: MarketoWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, _, place = world.url.partition("://")
    host, _, port = place.partition(":")
    known = {"login": world.credentials["client_id"], "password": world.credentials["client_secret"]}
    extra = {"daily_calls": "20000"}

    works, said = connection(monkeypatch, host=host, schema=schema, port=int(port), extra=extra, **known).test_connection()  # fmt: skip  # noqa: E501
    wrong, why = connection(monkeypatch, host=world.url, login=known["login"], password="no").test_connection()
    odd, which = connection(monkeypatch, host=world.url, extra={"first_lead_on": "May"}, **known).test_connection()

    assert works
    assert "The Marketo instance at 127.0.0.1 answers" in said
    assert "of 20000 calls of today" in said
    assert (wrong, odd) == (False, False)
    assert "Check login and password" in why
    assert "first_lead_on a date" in which
    assert not world.writes()


def test_usage_is_what_the_instance_has_used(world: MarketoWorld, marketo: MarketoClient) -> None:
    world.control("POST", "limits", {"remaining_today": 1000})

    used, allowed = marketo.daily_calls()

    usage = marketo.usage()
    assert (used, allowed) == (49_001, 50_000)
    assert (usage.calls_made, usage.used, usage.allowed) == (1, 49_001, 50_000)
    assert abs((marketo.now() - world.now()).total_seconds()) < 5
    assert marketo.now() > datetime(2026, 1, 1, tzinfo=UTC)
