"""What HubSpot refuses in passing is waited for as long as it says; what it refuses for good is said once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from crm_patterns.clients.hubspot.api import PaceOptions
from crm_patterns.clients.hubspot.client import HubSpotClient
from crm_patterns.core.changes import Action
from crm_patterns.core.errors import FixSettings, OutOfBudget, RetryLater
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.hooks.hubspot import HubSpotHook
from tests.conformance.hubspot.hubspot_world import HubSpotWorld, update


def test_the_ten_second_limit_is_waited_out_without_a_retry_after(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "limits", {"burst": 4})

    for _ in range(6):
        hubspot.account()

    [wait] = world.waited
    assert 10.0 <= wait <= 12.5
    assert [call["status"] for call in world.calls()] == [200, 200, 200, 200, 429, 200, 200]


def test_a_retry_after_is_honoured_to_the_second(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.fault(preset="ten_secondly_limit", retry_after=3)

    hubspot.account()

    assert world.waited == [3.0]


def test_a_storm_of_429_is_outlived(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    [record_id] = world.people({"lastname": "Storm"})
    hubspot.describe_target("contacts")
    world.fault(preset="ten_secondly_limit", path="batch/update", count=3)

    [answer] = hubspot.apply("contacts", Action.UPDATE, [update(record_id, city="Faro")])

    assert answer.answer == "accepted"
    assert world.stored(record_id)["city"] == "Faro"
    assert len(world.waited) == 3


def test_searches_have_a_rate_of_their_own_and_no_headers(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "limits", {"search_per_second": 1})
    bare = world.http.post("/crm/v3/objects/contacts/search", json={"limit": 1})
    long_ago = datetime(2019, 1, 1, tzinfo=UTC)  # one page, whatever contacts other tests have made
    asked = Window(long_ago, long_ago + timedelta(hours=1), WindowKind.INCREMENTAL)

    list(hubspot.read_window("contacts", ["email"], asked))

    assert not [name for name in bare.headers if name.startswith("x-hubspot-ratelimit")]
    assert all(1.0 <= wait <= 1.25 for wait in world.waited)
    assert len(world.waited) == 1


def test_a_client_keeps_below_the_rates_by_itself(world: HubSpotWorld) -> None:
    world.control("POST", "limits", {"burst": 20})
    client = world.client(pace=PaceOptions())

    for _ in range(40):
        client.account()

    assert [call["status"] for call in world.calls()] == [200] * 40
    assert sum(world.waited) > 10.0


def test_a_spent_day_is_told_at_once(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "limits", {"remaining_today": 1})
    spent = hubspot.daily_calls()

    with pytest.raises(OutOfBudget, match="calls of today are spent"):
        hubspot.describe_target("contacts")

    assert (spent.used, spent.allowed) == (650_000, 650_000)
    assert spent.resets_at is not None
    assert spent.resets_at > world.now()
    assert world.waited == []
    assert len(world.calls("properties")) == 1


def test_usage_is_what_the_headers_say(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "limits", {"remaining_today": 1000, "daily": 5000})

    hubspot.account()

    usage = hubspot.usage()
    assert (usage.calls_made, usage.used, usage.allowed) == (1, 4001, 5000)


@pytest.mark.parametrize("preset", ["server_error", "bad_gateway", "unavailable", "edge_530", "locked", "migration"])
def test_what_passes_is_asked_again(preset: str, world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.fault(preset=preset, count=2, retry_after=4 if preset == "migration" else None)

    facts = hubspot.account()

    assert facts.time_zone == "America/New_York"
    assert len(world.calls()) == 3
    assert preset != "migration" or world.waited == [4.0, 4.0]
    assert preset != "locked" or min(world.waited) >= 2.0


def test_a_migration_of_hours_ends_the_run_at_once(world: HubSpotWorld) -> None:
    world.fault(preset="migration", retry_after=86_400)

    with pytest.raises(RetryLater, match="another data center") as told:
        world.client().account()

    assert told.value.retry_after_s == 86_400
    assert world.waited == []


def test_an_expired_token_is_renewed_once_and_the_call_repeated(world: HubSpotWorld) -> None:
    client = world.oauth_client()
    client.account()
    world.control("POST", "expire_tokens")

    facts = client.account()

    assert facts.portal_id == str(world.credentials["portal_id"])
    assert [call["status"] for call in world.calls()] == [200, 200, 401, 200, 200]
    assert len(world.calls("/oauth/")) == 2


def test_a_token_is_renewed_before_it_expires(world: HubSpotWorld) -> None:
    world.control("POST", "tokens", {"lifetime_s": 1.0})
    client = world.oauth_client()
    client.account()
    time.sleep(0.95)

    client.account()

    assert {call["status"] for call in world.calls()} == {200}
    assert len(world.calls("/oauth/")) == 2


def test_a_token_that_is_not_accepted_is_a_setting_to_fix_and_is_not_shown(world: HubSpotWorld) -> None:
    client = world.client(access_token="pat-na1-somebody-elses")

    with pytest.raises(FixSettings) as told:
        client.account()

    assert "Private Apps" in str(told.value)
    assert "somebody" not in str(told.value)
    assert len(world.calls()) == 1


def test_a_refused_refresh_token_is_a_setting_to_fix(world: HubSpotWorld) -> None:
    client = world.client(client_id=world.credentials["client_id"], client_secret="wrong", refresh_token="r")

    with pytest.raises(FixSettings, match="Check login and password"):
        client.account()


def test_a_missing_scope_is_named(world: HubSpotWorld, hubspot: HubSpotClient) -> None:
    world.control("POST", "settings", {"scopes": ["crm.schemas.contacts.read"]})
    hubspot.describe_target("contacts")

    with pytest.raises(FixSettings, match=r"crm\.objects\.contacts\.read"):
        hubspot.read_records("contacts", ["email"], ["151"])


def connection(monkeypatch: pytest.MonkeyPatch, **fields: object) -> HubSpotHook:
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT_DEFAULT", json.dumps({"conn_type": "http", **fields}))
    return HubSpotHook()


def test_the_test_button_says_which_account_answers(world: HubSpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    schema, _, place = world.url.partition("://")
    host, _, port = place.partition(":")
    token = world.credentials["access_token"]

    split = connection(monkeypatch, host=host, schema=schema, port=int(port), password=token).test_connection()
    whole = connection(monkeypatch, host=world.url, password=token).test_connection()

    assert split == whole
    assert split[0]
    assert f"HubSpot account {world.credentials['portal_id']} (America/New_York) answers" in split[1]


def test_the_test_button_works_with_oauth(world: HubSpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    known = world.credentials
    fields = {"login": known["client_id"], "password": known["client_secret"]}
    extra = {"refresh_token": known["refresh_token"]}

    works, _ = connection(monkeypatch, host=world.url, extra=extra, **fields).test_connection()

    assert works
    assert len(world.calls("/oauth/v3/token")) == 1


def test_the_test_button_says_what_to_fix(world: HubSpotWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    world.control("POST", "settings", {"scopes": ["crm.schemas.contacts.read", "crm.objects.contacts.read"]})

    unscoped = connection(monkeypatch, host=world.url, password=world.credentials["access_token"]).test_connection()
    nothing = connection(monkeypatch, host=world.url).test_connection()

    assert unscoped[0] is False
    assert "crm.schemas.companies.read" in unscoped[1]
    assert nothing == (
        False,
        "The HubSpot connection holds no way to sign in. Give the private app's access token as password; or, for "
        "OAuth, the client id as login, the client secret as password and refresh_token as an extra.",
    )
