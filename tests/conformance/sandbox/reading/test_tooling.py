"""The Tooling API as far as it is there: which fields an object has, whoever may see them."""

from typing import Any

import httpx
import pytest

from tests.sandbox_process import SandboxProcess

OF_LEAD = "FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead'"


def ask(http: httpx.Client, soql: str) -> httpx.Response:
    return http.get("tooling/query", params={"q": soql})


def names(http: httpx.Client) -> set[str]:
    answer: dict[str, Any] = ask(http, f"SELECT QualifiedApiName {OF_LEAD}").raise_for_status().json()
    assert answer["totalSize"] == len(answer["records"])
    return {record["QualifiedApiName"] for record in answer["records"]}


def test_hidden_fields_are_listed_and_deleted_ones_are_not(salesforce: SandboxProcess, http: httpx.Client) -> None:
    asked = {"object": "Lead", "field": "Seen__c"}
    salesforce.control("POST", "fields", {"action": "add", **asked, "definition": "string(10)"})
    salesforce.control("POST", "fields", {"action": "hide", **asked})
    described = {field["name"] for field in http.get("sobjects/Lead/describe").json()["fields"]}
    hidden = names(http)
    salesforce.control("POST", "fields", {"action": "remove", **asked})

    assert "Seen__c" not in described
    assert hidden == described | {"Seen__c"}
    assert names(http) == described


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT QualifiedApiName FROM FieldDefinition", "MALFORMED_QUERY"),
        ("SELECT QualifiedApiName FROM FieldDefinition WHERE Label != 'x'", "INVALID_QUERY_FILTER_OPERATOR"),
        (f"SELECT Nonsense {OF_LEAD}", "INVALID_FIELD"),
        ("SELECT Id FROM ApexClass", "INVALID_TYPE"),
        ("nonsense", "MALFORMED_QUERY"),
    ],
)
def test_what_it_does_not_serve_is_refused(http: httpx.Client, soql: str, code: str) -> None:
    answer = ask(http, soql)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_an_unknown_object_has_no_fields(http: httpx.Client) -> None:
    soql = "SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinitionId = 'Nope'"

    assert ask(http, soql).json()["records"] == []
