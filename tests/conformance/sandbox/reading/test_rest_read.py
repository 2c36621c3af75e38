"""REST as Salesforce's guide describes it: queries and their pages, describe, limits, replication calls."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.sandbox_process import SandboxProcess


def query(http: httpx.Client, soql: str, resource: str = "query", **headers: str) -> dict[str, Any]:
    answer = http.get(resource, params={"q": soql}, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def test_versions_need_no_session_and_the_rest_does(salesforce: SandboxProcess, http: httpx.Client) -> None:
    versions = httpx.get(f"{salesforce.url}/services/data").json()

    assert {"label": "Winter '25", "url": "/services/data/v62.0", "version": "62.0"} in versions
    assert "sobjects" in http.get("").json()
    assert refusal(http.get(f"{salesforce.url}/services/data/v99.0/limits")) == (404, "NOT_FOUND")


def test_records_carry_attributes_nested_parents_and_nulls(http: httpx.Client) -> None:
    soql = "SELECT Id, Name, Amount, CloseDate, CreatedDate, IsWon, Account.Name, Account.Owner.Name FROM Opportunity "

    with_account = query(http, soql + "WHERE AccountId != null AND Amount > 0 LIMIT 1")["records"][0]
    without = query(http, soql + "WHERE AccountId = null LIMIT 1")["records"][0]

    assert with_account["attributes"]["type"] == "Opportunity"
    assert with_account["attributes"]["url"].endswith(with_account["Id"])
    assert with_account["Account"]["attributes"]["type"] == "Account"
    assert with_account["Account"]["Owner"]["Name"]
    assert with_account["CreatedDate"].endswith(".000+0000")
    assert isinstance(with_account["IsWon"], bool)
    assert without["Account"] is None


def test_a_page_can_be_read_again_and_pages_add_up(http: httpx.Client) -> None:
    first = query(http, "SELECT Id FROM Task ORDER BY Id", **{"Sforce-Query-Options": "batchSize=200"})
    second = http.get(f"{http.base_url.copy_with(path=first['nextRecordsUrl'])}").json()
    again = http.get(f"{http.base_url.copy_with(path=first['nextRecordsUrl'])}").json()

    assert len(first["records"]) == 200
    assert first["done"] is False
    assert second == again
    assert not {r["Id"] for r in first["records"]} & {r["Id"] for r in second["records"]}


def test_an_old_cursor_is_an_invalid_locator(http: httpx.Client) -> None:
    oldest = query(http, "SELECT Id FROM Task")["nextRecordsUrl"]
    for _ in range(10):
        query(http, "SELECT Id FROM Task")

    answer = http.get(f"{http.base_url.copy_with(path=oldest)}")

    assert refusal(answer) == (400, "INVALID_QUERY_LOCATOR")


def test_long_texts_make_pages_smaller_than_asked(http: httpx.Client) -> None:
    page = query(http, "SELECT Id, TextBody FROM EmailMessage", **{"Sforce-Query-Options": "batchSize=2000"})

    assert len(page["records"]) == 500
    assert page["done"] is False


def test_aggregates_come_as_aggregate_results(http: httpx.Client) -> None:
    soql = "SELECT StageName, COUNT(Id) n, SUM(Amount) FROM Opportunity GROUP BY StageName ORDER BY COUNT(Id) DESC"
    groups = query(http, soql)["records"]
    total = query(http, "SELECT COUNT() FROM Opportunity")

    assert groups[0]["attributes"] == {"type": "AggregateResult"}
    assert sum(group["n"] for group in groups) == total["totalSize"]
    assert total["records"] == []
    assert [group["n"] for group in groups] == sorted((group["n"] for group in groups), reverse=True)
    assert "expr0" in groups[0]


def test_child_subqueries_come_nested(http: httpx.Client) -> None:
    soql = "SELECT Id, (SELECT Id, LastName FROM Contacts ORDER BY LastName LIMIT 2) FROM Account"
    accounts = query(http, soql)["records"]

    nested = [account["Contacts"] for account in accounts if account["Contacts"]]
    assert nested
    assert all(1 <= each["totalSize"] == len(each["records"]) <= 2 for each in nested)
    assert any(account["Contacts"] is None for account in accounts)


def test_replies_are_compressed_when_asked_and_count_against_the_allowance(http: httpx.Client) -> None:
    plain = http.get("sobjects/Account/describe", headers={"Accept-Encoding": "identity"})
    packed = http.get("sobjects/Account/describe", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 4
    used = [int(answer.headers["Sforce-Limit-Info"].split("=")[1].split("/")[0]) for answer in (plain, packed)]
    assert used[1] == used[0] + 1


def test_describe_answers_304_until_the_schema_changes(salesforce: SandboxProcess, http: httpx.Client) -> None:
    known = http.get("sobjects/Campaign/describe").headers["Last-Modified"]
    later = (datetime.now(UTC) + timedelta(seconds=0)).strftime("%a, %d %b %Y %H:%M:%S GMT")

    unchanged = http.get("sobjects/Campaign/describe", headers={"If-Modified-Since": later})
    old = http.get("sobjects/Campaign/describe", headers={"If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"})

    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert old.status_code == 200
    assert known == old.headers["Last-Modified"]


def test_a_hidden_field_is_gone_for_the_user(salesforce: SandboxProcess, http: httpx.Client) -> None:
    where = {"object": "Campaign", "field": "BudgetedCost"}

    salesforce.control("POST", "fields", {"action": "hide", **where})
    names = [field["name"] for field in http.get("sobjects/Campaign/describe").json()["fields"]]
    refused = http.get("query", params={"q": "SELECT BudgetedCost FROM Campaign"})
    salesforce.control("POST", "fields", {"action": "show", **where})

    assert "BudgetedCost" not in names
    assert refusal(refused) == (400, "INVALID_FIELD")
    assert "No such column 'BudgetedCost' on entity 'Campaign'" in refused.json()[0]["message"]
    assert query(http, "SELECT BudgetedCost FROM Campaign LIMIT 1")["totalSize"] == 1


def test_a_new_field_has_values_and_no_stamp_moves(salesforce: SandboxProcess, http: httpx.Client) -> None:
    stamps = "SELECT MAX(SystemModstamp) newest FROM Product2"
    before = query(http, stamps)["records"]
    new = {"action": "add", "object": "Product2", "field": "Shelf__c", "definition": "string(20)"}

    salesforce.control("POST", "fields", {**new, "value_sql": "'S-' || right(\"Id\", 4)"})
    row = query(http, "SELECT Id, Shelf__c FROM Product2 LIMIT 1")["records"][0]
    after = query(http, stamps)["records"]
    salesforce.control("POST", "fields", {"action": "remove", "object": "Product2", "field": "Shelf__c"})

    assert row["Shelf__c"] == f"S-{row['Id'][-4:]}"
    assert before == after
    assert refusal(http.get("query", params={"q": "SELECT Shelf__c FROM Product2"})) == (400, "INVALID_FIELD")


def test_a_spent_day_is_a_403_that_names_the_limit(salesforce: SandboxProcess, http: httpx.Client) -> None:
    salesforce.control("POST", "limits", {"name": "DailyApiRequests", "remaining": 0})
    refused = http.get("limits")
    salesforce.control("DELETE", "limits")

    assert refused.status_code == 403
    assert refused.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert http.get("limits").status_code == 200


def window(hours: float) -> dict[str, str]:
    now = datetime.now(UTC)
    return {"start": (now - timedelta(hours=hours)).isoformat(), "end": now.isoformat()}


def test_get_updated_lists_what_the_stamps_say(http: httpx.Client) -> None:
    asked = window(72)
    answer = http.get("sobjects/Contact/updated/", params=asked).json()
    start, end = (asked[name][:16] + ":00Z" for name in ("start", "end"))
    soql = f"SELECT Id FROM Contact WHERE SystemModstamp >= {start} AND SystemModstamp < {end}"

    assert sorted(answer["ids"]) == sorted(record["Id"] for record in query(http, soql)["records"])
    assert answer["ids"]
    assert answer["latestDateCovered"] == f"{end[:-1]}.000+0000"


def test_get_deleted_lists_what_is_in_the_bin(http: httpx.Client) -> None:
    asked = window(14 * 24)
    answer = http.get("sobjects/Task/deleted", params=asked).json()
    start = asked["start"][:16] + ":00Z"
    soql = f"SELECT Id FROM Task WHERE IsDeleted = true AND SystemModstamp >= {start}"

    assert sorted(each["id"] for each in answer["deletedRecords"]) == sorted(
        record["Id"] for record in query(http, soql, "queryAll")["records"]
    )
    assert answer["deletedRecords"]
    assert answer["earliestDateAvailable"] < answer["latestDateCovered"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"}, "INVALID_REPLICATION_DATE"),
        ({"start": "2020-01-02T00:00:00Z", "end": "2020-01-03T00:00:00Z"}, "INVALID_REPLICATION_DATE"),
        ({"start": "soon", "end": "2020-01-03T00:00:00Z"}, "INVALID_REPLICATION_DATE"),
        ({"start": "2026-01-02T00:00:00Z"}, "MISSING_ARGUMENT"),
    ],
)
def test_impossible_windows_are_refused(http: httpx.Client, params: dict[str, str], code: str) -> None:
    assert refusal(http.get("sobjects/Account/updated", params=params)) == (400, code)


def test_more_ids_than_allowed_are_refused(salesforce: SandboxProcess, http: httpx.Client) -> None:
    salesforce.control("POST", "settings", {"reading": {"max_replicated_ids": 1}})
    refused = http.get("sobjects/Task/updated", params=window(29 * 24))
    salesforce.control("POST", "settings", {"reading": {"max_replicated_ids": 600_000}})

    assert refusal(refused) == (400, "EXCEEDED_ID_LIMIT")


def test_a_formula_moves_without_a_stamp(salesforce: SandboxProcess, http: httpx.Client) -> None:
    soql = (
        "SELECT Id, Annual_Value__c, SystemModstamp FROM Subscription__c WHERE Monthly_Fee__c > 0 ORDER BY Id LIMIT 1"
    )
    before = query(http, soql)["records"][0]

    change = {"object": "Subscription__c", "field": "Annual_Value__c"}
    salesforce.control("POST", "change_formula", {**change, "sql": "cast({row}.Monthly_Fee__c * 10 as decimal(18,2))"})
    after = query(http, soql)["records"][0]

    assert after["Annual_Value__c"] == pytest.approx(before["Annual_Value__c"] * 10 / 12)
    assert after["SystemModstamp"] == before["SystemModstamp"]


def test_repeated_and_trailing_slashes_are_tolerated(salesforce: SandboxProcess, http: httpx.Client) -> None:
    assert http.get(f"{salesforce.url}/services/data/v62.0//sobjects//Account/describe/").status_code == 200


def test_a_request_body_may_come_compressed(salesforce: SandboxProcess, http: httpx.Client) -> None:
    known = query(http, "SELECT Id FROM Account LIMIT 1")["records"][0]["Id"]
    body = gzip.compress(json.dumps({"ids": [known], "fields": ["Id"]}).encode())
    with salesforce.client(headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}) as client:
        answer = client.post("/services/data/v62.0/composite/sobjects/Account", content=body)

    assert answer.status_code == 200
    assert [row["Id"] for row in answer.json()] == [known]
