"""The stand-in does what Marketo does, seen by a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conformance.marketo.marketo_world import MarketoWorld

LEADS, EXPORT = "/rest/v1/leads.json", "/bulk/v1/leads/export"


@pytest.fixture
def api(world: MarketoWorld) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.url, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {signed_in(client, world)['access_token']}"
        yield client


def signed_in(client: httpx.Client, world: MarketoWorld, **changes: str) -> dict[str, Any]:
    known = {name: world.credentials[name] for name in ("client_id", "client_secret")}
    answer = client.get("/identity/oauth/token", params={"grant_type": "client_credentials", **known, **changes})
    return dict(answer.json())


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    return str(answer.json()["errors"][0]["code"])


def test_a_token_is_handed_out_again_with_what_is_left_of_it(world: MarketoWorld, api: httpx.Client) -> None:
    first = signed_in(api, world)
    world.wait(100)
    second = signed_in(api, world)

    assert second["access_token"] == first["access_token"]
    assert 99 <= first["expires_in"] - second["expires_in"] <= 101
    assert signed_in(api, world, client_secret="no")["error"] == "invalid_client"


def test_a_token_counts_in_the_header_only(world: MarketoWorld, api: httpx.Client) -> None:
    token = api.headers.pop("Authorization").removeprefix("Bearer ")

    assert code_of(api.get(LEADS, params={"access_token": token, "filterType": "id", "filterValues": "1"})) == "600"
    assert code_of(api.get(LEADS, headers={"Authorization": "Bearer nobody"})) == "601"


def test_upserts_of_one_key_at_once_make_two_leads_and_then_1007(world: MarketoWorld, api: httpx.Client) -> None:
    world.control("POST", "settings", {"upsert_gap_s": 0.5})
    body = {"input": [{"email": "race@stand.example"}]}

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: api.post(LEADS, json=body).json()["result"][0]["status"], range(2)))
    [then] = api.post(LEADS, json=body).json()["result"]

    assert both == ["created", "created"]
    assert (then["status"], then["reasons"][0]["code"]) == ("skipped", "1007")


def test_records_are_answered_in_order_with_their_reasons(api: httpx.Client) -> None:
    given = [{"email": "ok@stand.example"}, {"email": "ok@stand.example"}, {"email": "x@y.example", "nope": 1}, {}]

    results = api.post(LEADS, json={"action": "createOnly", "input": given}).json()["result"]

    assert [each["status"] for each in results] == ["created", "skipped", "skipped", "skipped"]
    assert [each["reasons"][0]["code"] for each in results[1:]] == ["1036", "1006", "1003"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"action": "upsert", "input": [{}]}, "1001"),
        ({"input": []}, "1002"),
        ({"input": [{}] * 301}, "1003"),
        ({"lookupField": "id", "input": [{"id": 1}]}, "1003"),
        ({"lookupField": "city", "input": [{"city": "Oslo"}]}, "1011"),
    ],
)
def test_a_call_that_is_wrong_as_a_whole_is_refused(body: dict[str, Any], code: str, api: httpx.Client) -> None:
    assert code_of(api.post(LEADS, json=body)) == code


def test_too_many_at_once_are_615_and_only_some_refusals_are_charged(world: MarketoWorld, api: httpx.Client) -> None:
    world.control("POST", "limits", {"concurrent": 2})
    world.control("POST", "settings", {"upsert_gap_s": 0.5})
    before = api.get("/rest/v1/stats/usage.json").json()["result"][0]["total"]

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda n: api.post(LEADS, json={"input": [{"email": f"c{n}@stand.example"}]}), range(5)))  # fmt: skip  # noqa: E501
    missing = api.post("/rest/v1/stats/usage.json")
    after = api.get("/rest/v1/stats/usage.json").json()["result"][0]["total"]

    refused = [each for each in answers if not each.json()["success"]]
    assert [code_of(each) for each in refused] == ["615"] * 3
    assert code_of(missing) == "605"
    assert after - before == 3  # two upserts and this question: 605 costs nothing


def test_the_day_ends_at_midnight_us_central(world: MarketoWorld, api: httpx.Client) -> None:
    world.control("POST", "limits", {"remaining_today": 0})
    question = "/rest/v1/activities/types.json"

    spent = code_of(api.get(question))
    world.wait(timedelta(days=1).total_seconds())
    api.headers["Authorization"] = f"Bearer {signed_in(api, world)['access_token']}"

    assert spent == "607"
    assert api.get(question).json()["success"]


def test_a_status_is_known_to_the_channel_and_never_goes_back(world: MarketoWorld, api: httpx.Client) -> None:
    [lead] = world.people({"email": "member@stand.example"})
    path, given = "/rest/v1/programs/1001/members/status.json", [{"leadId": int(lead)}]

    first = api.post(path, json={"statusName": "Attended", "input": given}).json()["result"][0]
    back = api.post(path, json={"statusName": "Invited", "input": given}).json()["result"][0]
    unknown = api.post(path, json={"statusName": "Bored", "input": given})
    member = api.get("/rest/v1/programs/1001/members.json", params={"filterType": "leadId", "filterValues": lead})

    assert (first["status"], back["reasons"][0]["code"], code_of(unknown)) == ("created", "1037", "1025")
    assert [(each["statusName"], each["reachedSuccess"]) for each in member.json()["result"]] == [("Attended", True)]


def test_an_extract_goes_its_way(world: MarketoWorld, api: httpx.Client) -> None:
    world.control("POST", "settings", {"polls": 2})
    now = world.now()
    between = {"startAt": f"{now - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}", "endAt": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    asked = {"fields": ["id", "email", "notes"], "filter": {"createdAt": between}}

    path = f"{EXPORT}/{api.post(f'{EXPORT}/create.json', json=asked).json()['result'][0]['exportId']}"
    early = api.get(f"{path}/file.json")
    api.post(f"{path}/enqueue.json")
    states = [api.get(f"{path}/status.json").json()["result"][0] for _ in range(4)]
    whole = api.get(f"{path}/file.json").content
    part = api.get(f"{path}/file.json", headers={"Range": "bytes=3-9"})

    assert (early.status_code, early.text) == (404, "Not Found")
    assert [each["status"] for each in states] == ["Queued", "Processing", "Processing", "Completed"]
    assert states[-1]["fileSize"] == len(whole)
    assert (part.status_code, part.content) == (206, whole[3:10])
    assert b",null" in whole


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fields": []}, "1003"),
        ({"filter": {"updatedAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-02T00:00:00Z"}}}, "1035"),
        ({"filter": {"createdAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-02-02T00:00:00Z"}}}, "1003"),
        ({"filter": {"createdAt": {"startAt": "2026-01-01T00:00:00.000Z", "endAt": "2026-01-02T00:00:00Z"}}}, "1003"),
    ],
)
def test_an_extract_that_is_asked_for_wrongly_is_refused(changes: dict[str, Any], code: str, api: httpx.Client) -> None:
    asked = {"fields": ["id"], "filter": {"createdAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}}}  # fmt: skip  # noqa: E501

    assert code_of(api.post(f"{EXPORT}/create.json", json={**asked, **changes})) == code


def test_a_queue_holds_ten_and_cancelled_is_spelled_twice(world: MarketoWorld, api: httpx.Client) -> None:
    asked = {"fields": ["id"], "filter": {"createdAt": {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-02T00:00:00Z"}}}  # fmt: skip  # noqa: E501
    ids = [api.post(f"{EXPORT}/create.json", json=asked).json()["result"][0]["exportId"] for _ in range(11)]

    queued = [api.post(f"{EXPORT}/{each}/enqueue.json") for each in ids]
    cancelled = [api.post(f"{EXPORT}/{each}/cancel.json").json()["result"][0]["status"] for each in ids]

    assert [each.json()["success"] for each in queued] == [True] * 10 + [False]
    assert code_of(queued[-1]) == "1029"
    assert set(cancelled) == {"Cancelled"}
    assert api.get(f"{EXPORT}/{ids[0]}/status.json").json()["result"][0]["status"] == "Canceled"


def test_life_goes_on_and_every_sort_of_thing_happens(world: MarketoWorld) -> None:
    before = len(world.control("GET", "activities")["activities"])

    done = world.control("POST", "tick", {"count": 400})

    assert {"leads created", "leads edited", "leads deleted", "leads merged", "opt-outs", "mails sent", "mails bounced",
            "steps in programs"} <= done.keys()  # fmt: skip
    assert len(world.control("GET", "activities")["activities"]) > before + 400
