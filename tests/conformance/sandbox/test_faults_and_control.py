"""Faults on demand and the control API of the Salesforce stand-in."""

import hashlib
import time
import uuid
from typing import Any

import httpx
import pytest

from tests.conformance.sandbox.org_client import OrgClient

SOQL = "SELECT Id, Name, Description FROM Account"


@pytest.fixture(autouse=True)
def calm(org: OrgClient) -> Any:
    yield
    org.control("DELETE", "faults")
    org.control("DELETE", "limits")


@pytest.mark.parametrize(
    ("preset", "status", "code"),
    [
        ("unavailable", 503, "SERVER_UNAVAILABLE"),
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("concurrent_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("session_expired", 401, "INVALID_SESSION_ID"),
        ("too_many_requests", 429, "REQUEST_LIMIT_EXCEEDED"),
        ("server_error", 500, "UNKNOWN_EXCEPTION"),
    ],
)
def test_presets_answer_in_salesforces_shape(org: OrgClient, preset: str, status: int, code: str) -> None:
    org.control("POST", "faults", {"preset": preset, "path": "/limits$", "count": 1, "retry_after": 7})

    hit, after = org.call("GET", "limits"), org.call("GET", "limits")

    assert (hit.status_code, hit.json()[0]["errorCode"], hit.headers["Retry-After"]) == (status, code, "7")
    assert after.status_code == 200


def test_a_gateway_answers_html(org: OrgClient) -> None:
    org.control("POST", "faults", {"preset": "unavailable_html"})

    answer = org.call("GET", "limits")

    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=UTF-8")


def test_a_fault_lets_pass_what_it_should(org: OrgClient) -> None:
    org.control("POST", "faults", {"kind": "status", "status": 503, "path": "/limits", "skip": 1, "count": 2})

    assert [org.call("GET", "limits").status_code for _ in range(4)] == [200, 503, 503, 200]


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_a_body_breaks_off(org: OrgClient, kind: str) -> None:
    job = org.queried(SOQL)
    org.control("POST", "faults", {"kind": kind, "path": "/results", "after_bytes": 300})
    url = f"{org.url}{org.base}/jobs/query/{job['id']}/results"
    headers = {"Authorization": f"Bearer {org.token}", "Accept-Encoding": "identity"}

    with httpx.stream("GET", url, headers=headers) as answer:
        received: list[bytes] = []
        with pytest.raises(httpx.TransportError):
            received.extend(answer.iter_raw())
        promised = int(answer.headers["Content-Length"])

    assert len(b"".join(received)) <= 300 < promised
    assert org.page(job).status_code == 200


def test_a_dropped_request_is_not_carried_out_and_a_lost_reply_is(org: OrgClient) -> None:
    names = {kind: f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("drop", "lost_reply")}
    for kind, name in names.items():
        org.control("POST", "faults", {"kind": kind, "method": "POST", "path": "/sobjects/Account"})
        with pytest.raises(httpx.TransportError):
            org.call("POST", "sobjects/Account", json={"Name": name})

    found = {kind: len(org.query(f"SELECT Id FROM Account WHERE Name = '{name}'")) for kind, name in names.items()}

    assert found == {"drop": 0, "lost_reply": 1}


@pytest.mark.parametrize("fault", [{"kind": "delay", "seconds": 0.3}, {"kind": "drip", "bytes_per_second": 20_000}])
def test_a_slow_answer_is_slow_and_whole(org: OrgClient, fault: dict[str, Any]) -> None:
    path = "sobjects/TaskStatus/describe"
    whole = org.call("GET", path, headers={"Accept-Encoding": "identity"})
    org.control("POST", "faults", {**fault, "path": "/describe"})
    started = time.monotonic()

    slow = org.call("GET", path, headers={"Accept-Encoding": "identity"})

    assert time.monotonic() - started >= 0.25
    assert slow.content == whole.content


@pytest.mark.parametrize(
    "body",
    [{"kind": "nonsense"}, {"preset": "nonsense"}, {"kind": "status", "path": "("}, {"kind": "delay", "wrong": 1}, {}],
)
def test_a_fault_that_makes_no_sense_is_refused(org: OrgClient, body: dict[str, Any]) -> None:
    answer = org.http.post("/__sandbox__/faults", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_tokens_expire_on_demand(org: OrgClient) -> None:
    expired = org.control("POST", "expire_tokens")["expired"]
    refused = org.call("GET", "limits")
    org.sign_in()

    assert expired >= 1
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert org.call("GET", "limits").status_code == 200


def test_a_spent_day_is_refused_everywhere(org: OrgClient) -> None:
    org.control("POST", "limits", {"name": "DailyApiRequests", "remaining": 1})

    answers = [org.call("GET", "limits") for _ in range(2)]

    assert [each.status_code for each in answers] == [200, 403]
    assert answers[1].json()[0]["message"] == "TotalRequests Limit exceeded."
    assert org.http.post("/__sandbox__/limits", json={"name": "Nonsense", "max": 1}).status_code == 400


def test_a_late_commit_appears_with_an_old_stamp(org: OrgClient) -> None:
    name = f"late-{uuid.uuid4().hex[:8]}"
    asked = {"object": "Account", "values": {"Name": name}, "age_s": 600}
    late = org.control("POST", "late_commits", asked)
    soql = f"SELECT Id, SystemModstamp, CreatedDate FROM Account WHERE Name = '{name}'"

    before, waiting = org.query(soql), org.control("GET", "late_commits")["late_commits"]
    record_id = org.control("POST", f"late_commits/{late['id']}")["record_id"]
    after = org.query(soql)

    assert before == []
    assert late["id"] in {each["id"] for each in waiting}
    assert [each["Id"] for each in after] == [record_id]
    assert after[0]["SystemModstamp"] == after[0]["CreatedDate"] == late["stamp"].replace("Z", ".000+0000")


def test_a_late_commit_appears_by_itself(org: OrgClient) -> None:
    account = org.create("Account", Name="before")
    values = {"Id": account, "Name": "after"}
    late = org.control("POST", "late_commits", {"object": "Account", "values": values, "age_s": 60, "after_s": 0.2})

    assert org.row("Account", account)["Name"] == "before"
    deadline = time.monotonic() + 5
    while (row := org.row("Account", account))["Name"] == "before" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (row["Name"], row["SystemModstamp"]) == ("after", late["stamp"].replace("Z", ".000+0000"))


def test_values_move_without_a_stamp(org: OrgClient) -> None:
    account = org.create("Account", Name="Owner")
    sub = org.create("Subscription__c", Account__c=account, Monthly_Fee__c=10)
    before = org.row("Subscription__c", sub)
    formula = {"object": "Subscription__c", "field": "Annual_Value__c"}
    org.control("POST", "change_formula", formula | {"sql": "cast({row}.Monthly_Fee__c * 13 as decimal(18,2))"})
    moved = org.row("Subscription__c", sub)
    org.control("POST", "change_formula", formula | {"sql": "cast({row}.Monthly_Fee__c * 12 as decimal(18,2))"})
    silent = {"object": "Account", "id": account, "field": "LastActivityDate", "value": "2026-02-03"}
    stamp = org.row("Account", account)["SystemModstamp"]
    org.control("POST", "silent_change", silent)
    row = org.row("Account", account)

    assert (before["Annual_Value__c"], moved["Annual_Value__c"]) == (120.0, 130.0)
    assert before["SystemModstamp"] == moved["SystemModstamp"]
    assert (row["LastActivityDate"], row["SystemModstamp"]) == ("2026-02-03", stamp)


def test_fields_come_go_and_hide(org: OrgClient) -> None:
    def names() -> set[str]:
        return {each["name"] for each in org.call("GET", "sobjects/Campaign/describe").json()["fields"]}

    about = {"object": "Campaign", "field": "Region__c"}
    org.control("POST", "fields", about | {"action": "add", "definition": "string(40)", "value_sql": "'EMEA'"})
    added = names()
    value = org.query("SELECT Region__c FROM Campaign LIMIT 1")[0]["Region__c"]
    org.control("POST", "fields", about | {"action": "hide"})
    hidden, refused = names(), org.call("GET", "query", params={"q": "SELECT Region__c FROM Campaign"})
    org.control("POST", "fields", about | {"action": "show"})
    shown = names()
    org.control("POST", "fields", about | {"action": "remove"})

    assert ("Region__c" in added, "Region__c" in hidden, "Region__c" in shown, "Region__c" in names()) == (
        True,
        False,
        True,
        False,
    )
    assert value == "EMEA"
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD"
    assert org.http.post("/__sandbox__/fields", json=about | {"action": "remove"}).status_code == 400


def test_a_merge_moves_the_children_and_buries_the_loser(org: OrgClient) -> None:
    winner, loser = org.create("Account", Name="W"), org.create("Account", Name="L")
    contact = org.create("Contact", LastName="C", AccountId=loser)

    org.control("POST", "merge", {"winner": winner, "losers": [loser]})

    buried = org.query(f"SELECT IsDeleted, MasterRecordId FROM Account WHERE Id = '{loser}'", "queryAll")[0]
    assert (buried["IsDeleted"], buried["MasterRecordId"]) == (True, winner)
    assert org.row("Contact", contact)["AccountId"] == winner


def test_hard_deletes_show_in_the_delete_log_alone(org: OrgClient) -> None:
    account = org.create("Account", Name="Gone")
    logged = org.control("GET", "truth?objects=Account")["Account"]["delete_log"]

    results = org.control("POST", "hard_delete", {"ids": [account]})["results"]

    assert results[0]["success"] is True
    assert org.query(f"SELECT Id FROM Account WHERE Id = '{account}'", "queryAll") == []
    assert org.control("GET", "truth?objects=Account")["Account"]["delete_log"] == logged + 1


def test_the_truth_agrees_with_what_a_client_reads(org: OrgClient) -> None:
    truth = org.control("GET", "truth?objects=Campaign")["Campaign"]
    rows = org.query("SELECT Id, SystemModstamp FROM Campaign")
    every = org.query("SELECT Id FROM Campaign", "queryAll")

    lines = sorted(f"{row['Id']},{row['SystemModstamp'].replace('.000+0000', 'Z')}" for row in rows)
    assert truth["records"] == len(rows)
    assert truth["deleted"] == len(every) - len(rows)
    assert truth["checksum"] == hashlib.md5("\n".join(lines).encode()).hexdigest()


def test_the_journal_counts_calls(org: OrgClient) -> None:
    org.control("DELETE", "requests")
    org.call("GET", "limits", headers={"Sforce-Call-Options": "client=probe"})
    org.control("POST", "faults", {"preset": "server_error", "path": "/limits"})
    org.call("GET", "limits")

    calls = org.control("GET", "requests?path=/limits")["requests"]

    assert [(each["method"], each["status"], each["fault"]) for each in calls] == [
        ("GET", 200, None),
        ("GET", 500, "server_error"),
    ]
    assert calls[0]["client"] == "probe"
    assert all("__sandbox__" not in each["path"] for each in org.control("GET", "requests")["requests"])


def test_settings_that_do_not_exist_are_refused(org: OrgClient) -> None:
    bodies: list[dict[str, Any]] = [
        {"bulk": {"nonsense": 1}},
        {"reading": {"nonsense": 1}},
        {"bulk": {"page_rows": 0}},
        {"other": {}},
    ]
    for body in bodies:
        answer = org.http.post("/__sandbox__/settings", json=body)

        assert answer.status_code == 400, body


def test_the_org_lives_on(org: OrgClient) -> None:
    before = org.control("GET", "truth")
    org.control("POST", "tick", {"count": 40})
    after = org.control("GET", "truth")

    assert any(before[name]["checksum"] != after[name]["checksum"] for name in before)
