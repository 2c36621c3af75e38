"""Single rows, collections, composite, batch and tree of the stand-in."""

import uuid
from typing import Any

import pytest

from tests.conformance.sandbox.org_client import OrgClient

MISSING = "0015g000000ZZZZ"


def unique() -> str:
    return f"R-{uuid.uuid4().hex[:10]}"


def test_a_row_is_created_changed_and_deleted(org: OrgClient) -> None:
    created = org.call("POST", "sobjects/Account", json={"Name": "  Trimmed  ", "Phone": "1", "Fax": ""})
    path = f"sobjects/Account/{created.json()['id']}"
    before = org.call("GET", path).json()
    changed = org.call("PATCH", path, json={"Phone": None, "Customer_Tier__c": "gold"})
    after = org.call("GET", path).json()
    removed = org.call("DELETE", path)

    assert created.status_code == 201
    assert (created.json()["success"], created.json()["errors"]) == (True, [])
    assert (before["Name"], before["Phone"], before["Fax"]) == ("Trimmed", "1", None)
    assert (changed.status_code, changed.content) == (204, b"")
    assert (after["Phone"], after["Customer_Tier__c"]) == (None, "Gold")
    assert after["SystemModstamp"] >= before["SystemModstamp"]
    assert removed.status_code == 204
    assert org.call("DELETE", path).json()[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert org.call("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code", "fields"),
    [
        ({}, 400, "REQUIRED_FIELD_MISSING", ["Name"]),
        ({"Name": "x" * 256}, 400, "STRING_TOO_LONG", ["Name"]),
        ({"Name": "x", "Nonsense": 1}, 400, "INVALID_FIELD", None),
        ({"Name": "x", "PhotoUrl": "/"}, 400, "INVALID_FIELD_FOR_INSERT_UPDATE", ["PhotoUrl"]),
        ({"Name": "x", "AnnualRevenue": "much"}, 400, "JSON_PARSER_ERROR", ["AnnualRevenue"]),
        (
            {"Name": "x", "Customer_Tier__c": "Tin"},
            400,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            ["Customer_Tier__c"],
        ),
        ({"Name": "x", "ParentId": "003000000000000AAA"}, 400, "FIELD_INTEGRITY_EXCEPTION", ["ParentId"]),
        ({"Name": "x", "ParentId": MISSING}, 400, "INVALID_CROSS_REFERENCE_KEY", ["ParentId"]),
    ],
)
def test_a_refused_row_is_an_error_of_its_own(
    org: OrgClient, body: dict[str, Any], status: int, code: str, fields: list[str] | None
) -> None:
    answer = org.call("POST", "sobjects/Account", json=body)

    error = answer.json()[0]
    assert (answer.status_code, error["errorCode"], error.get("fields")) == (status, code, fields)


def test_a_bad_email_and_an_unknown_row_are_refused(org: OrgClient) -> None:
    mail = org.call("POST", "sobjects/Contact", json={"LastName": "X", "Email": "nobody at home"})
    unknown = org.call("PATCH", f"sobjects/Account/{MISSING}", json={"Name": "x"})
    broken = org.call("POST", "sobjects/Account", content=b"{")

    assert mail.json()[0]["errorCode"] == "INVALID_EMAIL_ADDRESS"
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")


def test_upsert_by_external_id(org: OrgClient) -> None:
    key = unique()
    path = f"sobjects/Account/ERP_Customer__c/{key}"
    absent = org.call("PATCH", f"{path}?updateOnly=true", json={"Name": "no"})
    created = org.call("PATCH", path, json={"Name": "one"})
    updated = org.call("PATCH", path.replace(key, key.lower()), json={"Name": "two"})
    repeated = org.call("PATCH", path, json={"Name": "two", "ERP_Customer__c": key})

    assert absent.status_code == 404
    assert (created.status_code, created.json()["created"]) == (201, True)
    assert (updated.status_code, updated.json()["created"]) == (200, False)
    assert updated.json()["id"] == created.json()["id"]
    assert (repeated.status_code, repeated.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    assert org.call("PATCH", "sobjects/Account/Phone/1", json={"Name": "no"}).status_code == 404


def test_upsert_that_matches_several_writes_nothing(org: OrgClient) -> None:
    mail = f"{uuid.uuid4().hex[:8]}@example.com"
    ids = {org.create("Contact", LastName="Twin", Email=mail) for _ in range(2)}

    answer = org.call("PATCH", f"sobjects/Contact/Email/{mail}", json={"LastName": "Changed"})

    assert answer.status_code == 300
    assert {url.rsplit("/", 1)[1] for url in answer.json()} == ids
    assert {org.row("Contact", each)["LastName"] for each in ids} == {"Twin"}


def test_stage_and_amount_leave_history(org: OrgClient) -> None:
    deal = org.create("Opportunity", Name="Deal", StageName="Prospecting", CloseDate="2026-01-31", Amount=100)
    org.call("PATCH", f"sobjects/Opportunity/{deal}", json={"StageName": "Closed Won", "Amount": 250.5})
    row = org.row("Opportunity", deal)
    history = org.query(
        "SELECT StageName, Amount, PrevAmount, Probability, ForecastCategory FROM OpportunityHistory "
        f"WHERE OpportunityId = '{deal}' ORDER BY Id"
    )
    fields = org.query(f"SELECT Field, OldValue, NewValue FROM OpportunityFieldHistory WHERE OpportunityId = '{deal}'")

    assert (row["IsWon"], row["IsClosed"], row["Probability"], row["ForecastCategory"]) == (True, True, 100.0, "Closed")
    assert [each["StageName"] for each in history] == ["Prospecting", "Closed Won"]
    assert (history[1]["Amount"], history[1]["PrevAmount"], history[1]["ForecastCategory"]) == (250.5, 100.0, "Closed")
    assert {each["Field"]: (each["OldValue"], each["NewValue"]) for each in fields} == {
        "created": (None, None),
        "StageName": ("Prospecting", "Closed Won"),
        "Amount": ("100.00", "250.50"),
    }


def test_a_delete_takes_the_children_along_and_undelete_brings_them_back(org: OrgClient) -> None:
    account = org.create("Account", Name="Parent")
    contact = org.create("Contact", LastName="Child", AccountId=account)
    org.call("DELETE", f"sobjects/Account/{account}")
    gone = org.query(f"SELECT Id, IsDeleted FROM Contact WHERE Id = '{contact}'", "queryAll")

    restored = org.control("POST", "undelete", {"ids": [account]})["restored"]

    assert [each["IsDeleted"] for each in gone] == [True]
    assert restored == 2
    assert org.row("Contact", contact)["IsDeleted"] is False


def test_collections_answer_200_with_an_outcome_per_row(org: OrgClient) -> None:
    good, bad = {"attributes": {"type": "Account"}, "Name": unique()}, {"attributes": {"type": "Account"}}

    answer = org.call("POST", "composite/sobjects", json={"records": [good, bad]})
    together = org.call("POST", "composite/sobjects", json={"allOrNone": True, "records": [good, bad]})

    first, second = answer.json()
    assert answer.status_code == 200
    assert (first["success"], second["success"]) == (True, False)
    assert second["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert "errorCode" not in second["errors"][0]
    assert [each["errors"][0]["statusCode"] for each in together.json()] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
    ]
    assert len(org.query(f"SELECT Id FROM Account WHERE Name = '{good['Name']}'")) == 1


def test_collections_update_upsert_retrieve_and_delete(org: OrgClient) -> None:
    key, typed = unique(), {"attributes": {"type": "Account"}}
    path = "composite/sobjects/Account/ERP_Customer__c"
    upserted = org.call("PATCH", path, json={"records": [typed | {"Name": "a", "ERP_Customer__c": key}]}).json()[0]
    record_id = upserted["id"]
    updated = org.call(
        "PATCH", "composite/sobjects", json={"records": [typed | {"id": record_id, "Phone": "7"}]}
    ).json()
    asked = {"ids": [record_id, MISSING], "fields": ["Phone", "Name"]}
    found = org.call("POST", "composite/sobjects/Account", json=asked).json()
    removed = org.call("DELETE", "composite/sobjects", params={"ids": f"{record_id},{MISSING}"}).json()

    assert (upserted["created"], updated[0]["success"]) == (True, True)
    assert (found[0]["Phone"], found[0]["Id"], found[1]) == ("7", record_id, None)
    assert [each["success"] for each in removed] == [True, False]


def test_collections_hold_200_records_of_few_types(org: OrgClient) -> None:
    account, contact = (
        {"attributes": {"type": "Account"}, "Name": "x"},
        {"attributes": {"type": "Contact"}, "LastName": "x"},
    )

    too_many = org.call("POST", "composite/sobjects", json={"records": [account] * 201})
    too_mixed = org.call("POST", "composite/sobjects", json={"records": [account, contact] * 6})

    assert (too_many.status_code, too_mixed.status_code) == (400, 400)


def test_composite_passes_results_on_and_halts(org: OrgClient) -> None:
    calls = [
        {"method": "POST", "url": f"{org.base}/sobjects/Account", "referenceId": "acc", "body": {"Name": unique()}},
        {"method": "POST", "url": f"{org.base}/sobjects/Contact", "referenceId": "con",
         "body": {"LastName": "X", "AccountId": "@{acc.id}"}},
        {"method": "GET", "url": f"{org.base}/sobjects/Contact/@{{con.id}}?fields=AccountId", "referenceId": "read"},
        {"method": "POST", "url": f"{org.base}/sobjects/Account", "referenceId": "bad", "body": {}},
        {"method": "GET", "url": f"{org.base}/sobjects/Account/@{{bad.id}}", "referenceId": "after"},
    ]  # fmt: skip
    used = org.call("GET", "limits").json()["DailyApiRequests"]["Remaining"]

    answer = org.call("POST", "composite", json={"compositeRequest": calls}).json()["compositeResponse"]

    by_name = {each["referenceId"]: each for each in answer}
    assert [each["httpStatusCode"] for each in answer] == [201, 201, 200, 400, 400]
    assert by_name["read"]["body"]["AccountId"] == by_name["acc"]["body"]["id"]
    assert by_name["after"]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert used - org.call("GET", "limits").json()["DailyApiRequests"]["Remaining"] == 2


def test_composite_all_or_none_leaves_nothing(org: OrgClient) -> None:
    name = unique()
    calls = [
        {"method": "POST", "url": f"{org.base}/sobjects/Account", "referenceId": "a", "body": {"Name": name}},
        {"method": "GET", "url": f"{org.base}/query?q=SELECT+Id+FROM+Account+LIMIT+1", "referenceId": "b"},
        {"method": "POST", "url": f"{org.base}/sobjects/Account", "referenceId": "c", "body": {}},
    ]

    answer = org.call("POST", "composite", json={"allOrNone": True, "compositeRequest": calls}).json()

    codes = [each["body"][0]["errorCode"] for each in answer["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert org.query(f"SELECT Id FROM Account WHERE Name = '{name}'") == []


def test_graphs_stand_or_fall_each_by_itself(org: OrgClient) -> None:
    url, names = f"{org.base}/sobjects/Account", [unique(), unique()]
    bad = {"method": "POST", "url": url, "referenceId": "b", "body": {}}
    graphs = [
        {
            "graphId": str(number),
            "compositeRequest": [{"method": "POST", "url": url, "referenceId": "a", "body": {"Name": name}}, *more],
        }
        for number, (name, more) in enumerate(zip(names, ([], [bad]), strict=True))
    ]

    answer = org.call("POST", "composite/graph", json={"graphs": graphs}).json()["graphs"]

    assert [each["isSuccessful"] for each in answer] == [True, False]
    assert [len(org.query(f"SELECT Id FROM Account WHERE Name = '{name}'")) for name in names] == [1, 0]


def test_composite_batch_runs_independent_calls(org: OrgClient) -> None:
    calls = [
        {"method": "GET", "url": "v62.0/limits"},
        {"method": "POST", "url": "v62.0/sobjects/Account", "richInput": {}},
        {"method": "GET", "url": "v62.0/query?q=SELECT+COUNT()+FROM+Account"},
    ]

    answer = org.call("POST", "composite/batch", json={"batchRequests": calls}).json()

    assert answer["hasErrors"] is True
    assert [each["statusCode"] for each in answer["results"]] == [200, 400, 200]


def test_a_tree_is_planted_whole_or_not_at_all(org: OrgClient) -> None:
    name = unique()
    contacts = {"records": [{"attributes": {"type": "Contact", "referenceId": "c1"}, "LastName": "Leaf"}]}
    record = {"attributes": {"type": "Account", "referenceId": "a1"}, "Name": name, "Contacts": contacts}

    planted = org.call("POST", "composite/tree/Account", json={"records": [record]})
    contacts["records"][0]["LastName"] = ""
    refused = org.call("POST", "composite/tree/Account", json={"records": [record]})

    assert planted.status_code == 201
    ids = {each["referenceId"]: each["id"] for each in planted.json()["results"]}
    assert org.row("Contact", ids["c1"])["AccountId"] == ids["a1"]
    assert (refused.status_code, refused.json()["hasErrors"]) == (400, True)
    assert len(org.query(f"SELECT Id FROM Account WHERE Name = '{name}'")) == 1
