"""Over HTTP: an object of 800 fields, whose query is longer than any URL may be, arrives whole by either interface."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from crm_patterns.clients.salesforce import soql
from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import LookRequest, ReadRequest
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract
from tests.conformance.source_suite import read_by_job, rows_of
from tests.sandbox_process import SandboxProcess

FIELDS = 800
LONGEST_URL = 16_384


def name_of(number: int) -> str:
    return f"Customer_Defined_Attribute_{number:03d}__c"


@pytest.fixture(scope="module")
def org() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=60, only="Campaign") as process:
        for number in range(FIELDS):
            field = {"action": "add", "object": "Campaign", "field": name_of(number), "definition": "string(40)"}
            process.control("POST", "fields", {**field, "value_sql": f"'value {number} of ' || \"Id\""})
        yield process


@pytest.fixture
def client(org: SandboxProcess) -> Iterator[SalesforceClient]:
    names = ("login_url", "consumer_key", "consumer_secret")
    client = SalesforceClient(SalesforceConnection(**{name: org.credentials[name] for name in names}))
    yield client
    client.close()


@pytest.fixture
def contract(client: SalesforceClient) -> ObjectContract:
    return make_contract("salesforce", client.describe("Campaign"), FieldChoice())


@pytest.fixture
def request_(client: SalesforceClient, contract: ObjectContract) -> ReadRequest:
    window = Window(None, client.now() + timedelta(seconds=1), WindowKind.FULL)
    return ReadRequest("Campaign", tuple(field.name for field in contract.fields), contract.cursor, window)


def test_every_field_of_every_row_arrives_by_rest_and_by_bulk(
    org: SandboxProcess, client: SalesforceClient, contract: ObjectContract, request_: ReadRequest
) -> None:
    by_rest = rows_of(client.read_rows(request_, contract))
    by_job = read_by_job(client, request_, contract)

    assert len(soql.select(request_)) > 1.5 * LONGEST_URL
    assert sum(name.startswith("Customer_Defined_Attribute_") for name in request_.fields) == FIELDS
    assert len(by_rest) == len(by_job) == client.count(request_) > 0
    keyed = {row["id"]: row for row in by_job}
    assert {row["id"]: row for row in by_rest} == keyed
    for key, row in keyed.items():
        for number in (0, 399, 799):
            assert row[contract.column_of(name_of(number))] == f"value {number} of {key}"
    answered = org.control("GET", "requests?limit=10000&path=^/services/data")["requests"]
    assert {request["status"] for request in answered} <= {200, 201, 204}


def test_looking_at_it_stays_one_call(
    org: SandboxProcess, client: SalesforceClient, contract: ObjectContract, request_: ReadRequest
) -> None:
    client.now()
    before = len(org.control("GET", "requests?limit=10000&path=^/services/data")["requests"])

    seen = client.look(LookRequest("Campaign", contract.cursor, request_.window))

    assert len(org.control("GET", "requests?limit=10000&path=^/services/data")["requests"]) - before == 1
    assert len(seen.description.fields) > FIELDS
    assert seen.count == client.count(request_)
