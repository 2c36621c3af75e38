"""Over HTTP: an object is read by the best cursor that it has, and in full where it has none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.ports import LookRequest, ReadRequest
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.warehouse_elt import FieldChoice, make_contract, window_read
from tests.conformance.source_suite import read_by_job, rows_of
from tests.sandbox_process import SandboxProcess

STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")


@pytest.fixture(scope="module")
def org() -> Iterator[SandboxProcess]:
    with SandboxProcess(size=100) as process:
        yield process


@pytest.fixture
def client(org: SandboxProcess) -> Iterator[SalesforceClient]:
    names = ("login_url", "consumer_key", "consumer_secret")
    client = SalesforceClient(SalesforceConnection(**{name: org.credentials[name] for name in names}))
    yield client
    client.close()
    for name in STAMPS:
        for object_name in ("TaskStatus", "UserRole"):
            if object_name == "TaskStatus" or name != "CreatedDate":
                change(org, "show", object_name, name)


def change(org: SandboxProcess, action: str, object_name: str, field: str) -> None:
    org.control("POST", "fields", {"action": action, "object": object_name, "field": field})


def agreed(client: SalesforceClient, object_name: str) -> ObjectContract:
    return make_contract("salesforce", client.describe(object_name), FieldChoice())


def request_of(contract: ObjectContract, window: Window) -> ReadRequest:
    return ReadRequest(contract.object_name, tuple(f.name for f in contract.fields), contract.cursor, window)


@pytest.mark.parametrize("missing", range(3))
def test_the_next_cursor_is_taken_where_the_best_is_not_there(
    org: SandboxProcess, client: SalesforceClient, missing: int
) -> None:
    for name in STAMPS[:missing]:
        change(org, "hide", "TaskStatus", name)

    contract = agreed(client, "TaskStatus")

    assert contract.cursor == STAMPS[missing]
    everything = rows_of(client.read_rows(request_of(contract, Window(None, client.now(), WindowKind.FULL)), contract))
    stamps = sorted(row[contract.cursor_column or ""] for row in everything)
    some = Window(stamps[1], stamps[-1], WindowKind.INCREMENTAL)
    windowed = rows_of(client.read_rows(request_of(contract, some), contract))
    assert {row["id"] for row in windowed} == {
        row["id"] for row in everything if some.contains(row[contract.cursor_column or ""])
    }
    assert len(everything) > 0


def test_an_object_that_is_only_ever_inserted_is_read_by_its_creation(client: SalesforceClient) -> None:
    contract = agreed(client, "OpportunityFieldHistory")
    everything = read_by_job(client, request_of(contract, Window(None, client.now(), WindowKind.FULL)), contract)
    middle = sorted(row["created_date"] for row in everything)[len(everything) // 2]

    earlier = request_of(contract, Window(None, middle, WindowKind.INCREMENTAL))
    later = request_of(contract, Window(middle, client.now() + timedelta(seconds=1), WindowKind.INCREMENTAL))

    assert contract.cursor == "CreatedDate"
    assert client.count(earlier) + client.count(later) == len(everything)
    assert len(read_by_job(client, earlier, contract)) == client.count(earlier) > 0


def test_without_any_cursor_every_read_is_a_full_one(org: SandboxProcess, client: SalesforceClient) -> None:
    for name in STAMPS[:2]:
        change(org, "hide", "UserRole", name)

    contract = agreed(client, "UserRole")
    now = client.now()
    window = window_read(Window(now - timedelta(hours=1), now, WindowKind.INCREMENTAL), contract)
    request = request_of(contract, window)
    rows = rows_of(client.read_rows(request, contract))

    assert (contract.cursor, window) == (None, Window(None, now, WindowKind.FULL))
    assert client.look(LookRequest("UserRole", None, window)).count == len(rows)
    assert len(rows) == client.count(request) == org.control("GET", "truth?objects=UserRole")["UserRole"]["records"]
    assert client.cursors_in(request) == {row["id"]: None for row in rows}
