"""The Slack stand-in, through slack_sdk (a client that is not ours) and by hand."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

HOOK = "/services/T0/B0/secret"


@pytest.fixture(scope="module")
def slack(slack_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=slack_url) as client:
        yield client


@pytest.fixture(autouse=True)
def quiet(slack: httpx.Client) -> Iterator[None]:
    yield
    slack.delete("/__sandbox__/messages")
    slack.delete("/__sandbox__/faults")
    slack.post("/__sandbox__/settings", json={})


def messages(slack: httpx.Client) -> list[dict[str, object]]:
    return list(slack.get("/__sandbox__/messages").json()["messages"])


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def test_a_webhook_takes_a_message_and_says_ok(slack_url: str, slack: httpx.Client) -> None:
    answer = WebhookClient(slack_url + HOOK).send(text="red: crm_warehouse_elt", blocks=[section("*Why*")])

    assert (answer.status_code, answer.body) == (200, "ok")
    (kept,) = messages(slack)
    assert kept["destination"] == HOOK
    assert kept["payload"] == {"text": "red: crm_warehouse_elt", "blocks": [section("*Why*")]}


@pytest.mark.parametrize(
    ("payload", "status", "reason"),
    [
        ({}, 400, "no_text"),
        ({"text": "x", "attachments": [{}] * 101}, 400, "too_many_attachments"),
        ({"text": "x", "blocks": [section("x")] * 51}, 400, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 3001)]}, 400, "invalid_blocks"),
        ({"text": "x", "blocks": [section("")]}, 400, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, 400,
         "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, 400, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "surprise"}]}, 400, "invalid_blocks"),
    ],
)  # fmt: skip
def test_what_slack_refuses_is_refused(
    slack: httpx.Client, payload: dict[str, object], status: int, reason: str
) -> None:
    answer = slack.post(HOOK, json=payload)

    assert (answer.status_code, answer.text) == (status, reason)
    assert messages(slack) == []


def test_a_hook_that_was_taken_away(slack: httpx.Client) -> None:
    slack.post("/__sandbox__/settings", json={"answers": {HOOK: "no_service"}})

    answer = slack.post(HOOK, json={"text": "x"})

    assert (answer.status_code, answer.text) == (404, "no_service")
    assert slack.post(HOOK, content=b"not json").status_code == 404
    assert slack.post("/services/T0/B0/other", content=b"not json").text == "invalid_payload"


def test_more_than_one_a_second_after_a_burst_is_429(slack: httpx.Client) -> None:
    slack.post("/__sandbox__/settings", json={"burst": 2, "messages_per_second": 0.5})

    answers = [slack.post(HOOK, json={"text": "x"}) for _ in range(3)]

    assert [each.status_code for each in answers] == [200, 200, 429]
    assert int(answers[2].headers["Retry-After"]) in (2, 3)
    assert len(messages(slack)) == 2


def test_slack_is_down_on_demand(slack: httpx.Client) -> None:
    fault = {"kind": "status", "status": 503, "body": "down", "path": "/services/"}
    slack.post("/__sandbox__/faults", json=fault)

    assert slack.post(HOOK, json={"text": "x"}).status_code == 503
    assert slack.post(HOOK, json={"text": "x"}).status_code == 200


def test_the_web_api_answers_200_with_ok_false(slack_url: str, slack: httpx.Client) -> None:
    client = WebClient(token="xoxb-test", base_url=f"{slack_url}/api/")
    first = client.chat_postMessage(channel="#alerts", text="red")
    client.chat_postMessage(channel="#alerts", text="green", thread_ts=first["ts"])

    with pytest.raises(SlackApiError) as missing:
        client.chat_postMessage(channel="#alerts", text="x", thread_ts="1.0")
    with pytest.raises(SlackApiError) as blocks:
        client.chat_postMessage(channel="#alerts", text="x", blocks=[section("x" * 3001)])
    with pytest.raises(SlackApiError) as token:
        WebClient(token="xoxp-wrong", base_url=f"{slack_url}/api/").auth_test()

    assert missing.value.response["error"] == "thread_not_found"
    assert blocks.value.response["error"] == "invalid_blocks"
    assert blocks.value.response.status_code == 200
    assert token.value.response["error"] == "invalid_auth"
    assert [each["payload"]["text"] for each in messages(slack)] == ["red", "green"]  # type: ignore[index]


def test_tokens_are_not_kept(slack_url: str, slack_folder: Path) -> None:
    WebClient(token="xoxb-secret", base_url=f"{slack_url}/api/").chat_postMessage(channel="#a", text="x")

    assert "xoxb-secret" not in (slack_folder / "messages.jsonl").read_text()
