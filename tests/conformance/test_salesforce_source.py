"""The Salesforce client is a source like any other, and some things besides."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crm_patterns.clients.salesforce import queries
from crm_patterns.clients.salesforce.results import PageOptions
from crm_patterns.core.contracts import ObjectContract
from crm_patterns.core.errors import FixSettings, OutOfBudget, RetryLater, SchemaMoved, StopRun
from crm_patterns.core.keys import KeyRing, Purpose
from crm_patterns.core.ports import JobState, ReadRequest
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.steps.compare_ids import plan_ids
from tests.conformance.salesforce_world import PAGE_ROWS, RESULTS, SalesforceWorld
from tests.conformance.source_suite import SourceSuite, everything, read_by_job, ready_job, rows_of, windowed
from tests.sandbox_process import SandboxProcess


@pytest.fixture(scope="module")
def org() -> Iterator[SalesforceWorld]:
    with SandboxProcess(size=400, only="Opportunity,TaskStatus") as process:
        yield SalesforceWorld(process)


@pytest.fixture
def world(org: SalesforceWorld) -> SalesforceWorld:
    org.calm()
    return org


class TestSalesforceIsASource(SourceSuite):
    @pytest.fixture
    def world(self, org: SalesforceWorld) -> SalesforceWorld:
        org.calm()
        return org


@pytest.mark.parametrize(
    "options",
    [
        PageOptions(rows=PAGE_ROWS, parallel=False),
        PageOptions(rows=PAGE_ROWS, parallel=True, ahead=3),
        PageOptions(rows=PAGE_ROWS, gzip=True),
        PageOptions(rows=PAGE_ROWS, gzip=True, parallel=False, ahead=1),
        PageOptions(rows=40, parallel=False),
        PageOptions(rows=1_000_000),
    ],
    ids=str,
)
def test_every_way_of_paging_gives_the_same_rows(world: SalesforceWorld, options: PageOptions) -> None:
    plain, other = world.client(), world.client(pages=options)
    contract, request = everything(world, plain)
    job = ready_job(plain, request)

    assert rows_of(other.read_job(job, contract)) == rows_of(plain.read_job(job, contract))


def test_old_api_versions_are_read_page_after_page(world: SalesforceWorld) -> None:
    client = world.client(version="57.0")
    contract, request = everything(world, client)

    rows = read_by_job(client, request, contract)

    assert len(rows) == client.count(request)
    assert world.journal("v57.0/.*/resultPages") == []


@pytest.mark.parametrize("body", ["header", "nothing"])
def test_a_job_without_rows_gives_none_whatever_its_body(world: SalesforceWorld, body: str) -> None:
    world.control("POST", "settings", {"bulk": {"empty_result": body}})
    client = world.client()
    contract, request = everything(world, client)
    long_ago = datetime(1990, 1, 1, tzinfo=UTC)

    assert read_by_job(client, windowed(request, long_ago, long_ago + timedelta(days=1)), contract) == []


def test_calls_of_a_job_are_its_pages_and_few_more(world: SalesforceWorld) -> None:
    client = world.client(pages=PageOptions(rows=PAGE_ROWS, parallel=False))
    contract, request = everything(world, client)
    pages = -(-client.count(request) // PAGE_ROWS)
    job = ready_job(client, request)
    before = client.usage().calls_made

    rows_of(client.read_job(job, contract))
    client.discard(job)

    assert client.usage().calls_made - before == pages + 1


def test_a_session_that_ends_between_two_pages_is_renewed(world: SalesforceWorld) -> None:
    client = world.client()
    contract, request = everything(world, client)
    job = ready_job(client, request)
    whole = rows_of(client.read_job(job, contract))

    pages = client.read_job(job, contract)
    rows = rows_of([next(pages)])
    world.expire_tokens()

    assert rows + rows_of(pages) == whole


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("kind", ["truncate", "reset", "drop"])
def test_every_page_may_break_once(world: SalesforceWorld, kind: str, gzip: bool) -> None:
    client = world.client(pages=PageOptions(rows=PAGE_ROWS, gzip=gzip))
    contract, request = everything(world, client)
    job = ready_job(client, request)
    whole = rows_of(client.read_job(job, contract))

    for skip in (0, 1, 3):
        world.fault(kind=kind, path=RESULTS, skip=skip, after_bytes=700)

    assert rows_of(client.read_job(job, contract)) == whole


def test_a_body_that_ends_early_in_good_order_is_noticed_by_its_count(world: SalesforceWorld) -> None:
    client = world.client()
    contract, request = everything(world, client)
    job = ready_job(client, request)
    whole = rows_of(client.read_job(job, contract))
    header = ",".join(f'"{field.name}"' for field in contract.fields) + "\n"

    world.fault(
        kind="status", path=RESULTS, status=200, body=header, headers={"Sforce-NumberOfRecords": str(PAGE_ROWS)}
    )

    assert rows_of(client.read_job(job, contract)) == whole


def test_a_page_that_stays_damaged_ends_in_a_later_try(world: SalesforceWorld) -> None:
    client = world.client()
    contract, request = everything(world, client)
    job = ready_job(client, request)
    world.fault(kind="status", path=RESULTS, status=200, body='"Id"\n', headers={}, count=None)

    with pytest.raises(StopRun, match="do not have the columns"):
        list(client.read_job(job, contract))
    world.control("DELETE", "faults")
    header = ",".join(f'"{field.name}"' for field in contract.fields) + "\n"
    world.fault(
        kind="status", path=RESULTS, status=200, body=header, headers={"Sforce-NumberOfRecords": "7"}, count=None
    )

    with pytest.raises(RetryLater, match="0 rows where the server counted 7"):
        list(client.read_job(job, contract))


def test_a_lost_reply_to_a_job_request_is_looked_into_before_it_is_sent_again(
    world: SalesforceWorld, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    _, request = everything(world, client)
    world.fault(kind="lost_reply", method="POST", path="/jobs/query$")

    job = client.submit(request)

    assert client.job_status(job).state is not JobState.GONE
    assert "may be an unused twin" in caplog.text


def test_a_job_request_that_did_not_arrive_leaves_no_twin(
    world: SalesforceWorld, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    contract, request = everything(world, client, "User")
    world.fault(kind="drop", method="POST", path="/jobs/query$")

    job = client.submit(request)

    assert len(rows_of(client.read_job(ready(client, job), contract))) == client.count(request)
    assert "twin" not in caplog.text


def test_too_many_requests_at_once_pass_by(world: SalesforceWorld) -> None:
    client = world.client()
    _, request = everything(world, client)
    expected = client.count(request)
    world.fault(preset="concurrent_limit", path="/queryAll", count=2)
    world.fault(preset="too_many_requests", path="/queryAll", count=1, retry_after=1)

    assert client.count(request) == expected


def test_the_daily_limit_is_not_waited_for(world: SalesforceWorld) -> None:
    client = world.client()
    _, request = everything(world, client)
    world.fault(preset="daily_limit", path="/queryAll", count=None)
    before = world.calls()

    with pytest.raises(OutOfBudget):
        client.count(request)

    assert world.calls() == before + 1


def test_a_running_job_is_aborted_and_deleted(world: SalesforceWorld) -> None:
    client = world.client()
    _, request = everything(world, client)
    world.fault(kind="job_stuck")
    job = client.submit(request)
    assert client.job_status(job).state is JobState.WAITING

    client.discard(job)

    assert client.job_status(job).state is JobState.GONE


def test_a_failed_job_tells_why(world: SalesforceWorld) -> None:
    client = world.client()
    _, request = everything(world, client)
    world.fault(kind="job_failed", message="InternalServerError : Retried more than fifteen times")
    job = client.submit(request)
    status = client.job_status(job)
    while status.state is JobState.WAITING:
        status = client.job_status(job)

    assert status.state is JobState.FAILED
    assert "Retried more than fifteen times" in status.problem


def test_a_job_is_read_with_the_version_that_made_it(world: SalesforceWorld) -> None:
    contract, request = everything(world, world.client())
    job = ready_job(world.client(), request)

    with pytest.raises(StopRun, match="API version"):
        list(world.client(version="61.0").read_job(job, contract))


def test_values_that_break_their_promise_are_set_aside_on_both_ways(world: SalesforceWorld) -> None:
    client = world.client()
    contract, request = everything(world, client)
    held = contract.to_json()
    narrowed = ObjectContract.from_json(
        {**held, "fields": [{**f, "kind": "integer"} if f["name"] == "StageName" else f for f in held["fields"]]}
    )
    job = ready_job(client, request)

    by_job, by_rows = list(client.read_job(job, narrowed)), list(client.read_rows(request, narrowed))

    for pages in (by_job, by_rows):
        assert sum(page.read for page in pages) == client.count(request)
        rejected = [row for page in pages for row in page.rejected]
        assert len(rejected) == client.count(request)
        assert {row.field_name for row in rejected} == {"StageName"}
        assert all("which is not a number" in row.reason for row in rejected)


def test_hashed_fields_are_the_same_on_both_ways(world: SalesforceWorld) -> None:
    ring = KeyRing(Purpose.HASH, ["correct horse battery staple, twice over"])
    client = world.client(hash_keys=ring)
    contract, request = everything(world, client)
    held = contract.to_json()
    hidden = {"hashed": True, "hash_key": ring.current}
    hashing = ObjectContract.from_json(
        {**held, "fields": [{**f, **hidden} if f["name"] == "StageName" else f for f in held["fields"]]}
    )

    by_job, by_rows = read_by_job(client, request, hashing), rows_of(client.read_rows(request, hashing))

    assert {row["stage_name"] for row in by_job} == {row["stage_name"] for row in by_rows}
    assert all(len(row["stage_name"]) == 64 for row in by_job)


def test_keys_of_large_windows_come_by_a_job(world: SalesforceWorld) -> None:
    by_rows, by_job = world.client(), world.client(bulk_keys_above=10)
    _, request = everything(world, by_rows)
    expected = by_rows.cursors_in(request)
    before = len(world.journal("/jobs/query$"))

    assert by_job.cursors_in(request) == expected
    assert len(world.journal("/jobs/query$")) == before + 1


def test_a_query_too_long_for_a_url_is_answered_the_same(
    world: SalesforceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.client()
    contract, request = everything(world, client)
    whole = rows_of(client.read_rows(request, contract))
    monkeypatch.setattr(queries, "URL_CHARACTERS", 10)

    assert rows_of(client.read_rows(request, contract)) == whole
    assert world.journal("/composite/batch$")
    with pytest.raises(SchemaMoved):
        client.count(ReadRequest(request.object_name, ("Id",), "Gone__c", request.window))


def test_every_way_of_signing_in_reaches_the_org(world: SalesforceWorld) -> None:
    held = world.credentials
    person = {"username": held["username"], "password": held["password"]}
    app = {"consumer_key": held["consumer_key"], "consumer_secret": held["consumer_secret"]}
    nothing = {"consumer_key": None, "consumer_secret": None}
    ways: dict[str, dict[str, Any]] = {
        "client_credentials": app,
        "password": {**app, **person, "security_token": held["security_token"], "sign_in": "password"},
        "soap": {**nothing, **person, "security_token": held["security_token"]},
        "jwt": {**nothing, "consumer_key": held["consumer_key"], "username": held["username"],
                "private_key_file_path": held["private_key_file_path"]},
        "jwt with the key itself": {**nothing, "consumer_key": held["consumer_key"], "username": held["username"],
                                    "private_key": Path(held["private_key_file_path"]).read_text()},
        "session": {**nothing, "session_id": world.token(), "instance_url": world.url, "login_url": None},
    }  # fmt: skip

    for name, fields in ways.items():
        assert "Opportunity" in world.client(**fields).object_names(), name


def test_wrong_ways_of_signing_in_say_what_to_correct(world: SalesforceWorld, tmp_path: Path) -> None:
    held = world.credentials
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.PKCS8
    other_key = tmp_path / "other.pem"
    other_key.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    person = {"consumer_key": None, "consumer_secret": None, "username": held["username"]}
    cases: list[tuple[dict[str, Any], str]] = [
        ({**person, "password": "wrong-word", "security_token": "x"}, "security token"),
        ({"consumer_key": "unknown"}, "consumer_key"),
        ({**person, "consumer_key": held["consumer_key"], "private_key_file_path": str(other_key)}, "certificate"),
        ({"session_id": "00D!gone", "instance_url": world.url, "consumer_key": None}, "session_id"),
    ]

    for fields, names in cases:
        with pytest.raises(FixSettings) as caught:
            world.client(**fields).object_names()
        assert names in caught.value.fix, fields
        assert "wrong-word" not in str(caught.value)


def test_a_user_without_the_api_is_told_so(world: SalesforceWorld) -> None:
    client = world.client()
    world.fault(preset="api_disabled", path="^/services/data", count=None)

    with pytest.raises(FixSettings, match="API is not enabled"):
        client.object_names()


def test_our_calls_carry_our_name(world: SalesforceWorld) -> None:
    world.client(client_name="nightly-copy").object_names()

    assert world.journal("/sobjects$")[-1]["client"] == "nightly-copy"


def ready(client: Any, job: str) -> str:
    while client.job_status(job).state is JobState.WAITING:
        pass
    return job


def test_a_window_of_the_last_minutes_sees_what_was_just_written(world: SalesforceWorld) -> None:
    client = world.client()
    (key,) = world.add([{"Description": "just now"}])
    contract, request = everything(world, client)
    recent = windowed(request, client.now() - timedelta(minutes=5), request.window.end)

    assert key in {row["id"] for row in rows_of(client.read_rows(recent, contract))}


def test_the_page_of_a_job_is_the_orgs_own(world: SalesforceWorld) -> None:
    client = world.client()
    _, request = everything(world, client)
    job = client.submit(request)
    shown = httpx.get(client.page_of(job), trust_env=False)
    client.discard(job)
    gone = httpx.get(client.page_of(job), trust_env=False)
    client.close()

    assert (shown.status_code, gone.status_code) == (200, 404)
    assert job in shown.text
    assert "was deleted" in gone.text


def test_a_log_that_lists_too_much_is_asked_in_parts(world: SalesforceWorld) -> None:
    keys = world.add([{} for _ in range(5)])
    world.purge(keys)
    source = world.client()
    world.control("POST", "settings", {"reading": {"max_replicated_ids": 3}})

    found = source.deleted(
        "Opportunity", since=source.now() - timedelta(days=2), until=source.now() + timedelta(minutes=2)
    )
    world.control("POST", "settings", {"reading": {"max_replicated_ids": 600_000}})

    assert not found.complete, "all of them fell into one minute, which cannot be asked in parts"
    assert len(world.journal("sobjects/Opportunity/deleted")) > 10


def test_an_object_without_a_log_says_that_ids_must_be_compared(world: SalesforceWorld) -> None:
    source = world.client()

    found = source.deleted("TaskStatus", since=source.now() - timedelta(hours=1), until=source.now())

    assert (found.deleted_at, found.complete) == ({}, False)
    assert not source.describe("TaskStatus").logs_deletions


def test_a_mark_older_than_the_log_says_that_ids_must_be_compared(world: SalesforceWorld) -> None:
    source = world.client()

    found = source.deleted("Opportunity", since=source.now() - timedelta(days=40), until=source.now())

    assert not found.complete


def test_ids_alone_are_read_by_either_way_without_the_bin(world: SalesforceWorld) -> None:
    source = world.client()
    planned = plan_ids(source, "Opportunity", read="auto", rest_below=0)

    by_job = read_by_job(source, planned.request, planned.contract)
    by_rest = rows_of(source.read_rows(planned.request, planned.contract))

    assert (planned.method, planned.request.fields) == ("bulk", ("Id",))
    assert sorted(row["id"] for row in by_job) == sorted(row["id"] for row in by_rest)
    assert len(by_job) == world.control("GET", "truth?objects=Opportunity")["Opportunity"]["records"]


def test_all_fields_that_exist_are_told_by_one_call(world: SalesforceWorld) -> None:
    client = world.client()
    described = {field.name.lower() for field in client.describe("Campaign").fields}
    before = client.usage().calls_made
    world.control("POST", "fields", {"action": "hide", "object": "Campaign", "field": "Description"})

    existing = client.existing_fields("Campaign")
    now = client.describe("Campaign")
    world.control("POST", "fields", {"action": "show", "object": "Campaign", "field": "Description"})

    assert existing == described
    assert not now.has("Description")
    assert client.usage().calls_made == before + 2


def test_a_user_that_may_not_ask_which_fields_exist_gets_no_answer_and_no_error(world: SalesforceWorld) -> None:
    world.control("POST", "settings", {"reading": {"field_definitions": False}})

    assert world.client().existing_fields("Campaign") is None

    world.control("POST", "settings", {"reading": {"field_definitions": True}})


def test_archived_activities_are_among_the_living() -> None:
    with SandboxProcess(size=100, only="Task") as org:
        world = SalesforceWorld(org)
        client = world.client()
        window = Window(None, client.now() + timedelta(minutes=1), WindowKind.FULL)
        tasks = ReadRequest("Task", ("Id",), None, window, include_deleted=False)
        held = world.control("GET", "truth?objects=Task")["Task"]["records"]
        in_sight = int(world.rest("GET", "query?q=SELECT+COUNT()+FROM+Task")["totalSize"])

        counted, found = client.count(tasks), len(client.cursors_in(tasks))
        client.close()

    assert in_sight < held, "some are archived"
    assert (counted, found) == (held, held)
