"""Bulk API 2.0 ingest of the stand-in, through simple-salesforce and by hand."""

import json
import uuid

import pytest

from tests.conformance.sandbox.org_client import OrgClient, csv_text, parsed


def keys(count: int) -> list[str]:
    stem = uuid.uuid4().hex[:8]
    return [f"K-{stem}-{number}" for number in range(count)]


def accounts(names: list[str]) -> list[dict[str, str]]:
    return [{"Name": f"Account {name}", "ERP_Customer__c": name} for name in names]


def test_simple_salesforce_upserts_updates_and_deletes(org: OrgClient) -> None:
    names = keys(5)
    bulk = org.bulk2.Account
    created = bulk.upsert(records=accounts(names), external_id_field="ERP_Customer__c", wait=0.02)[0]
    rows = parsed(bulk.get_successful_records(created["job_id"]))
    again = bulk.upsert(records=accounts(names), external_id_field="ERP_Customer__c", wait=0.02)[0]
    updated = bulk.update(records=[{"Id": row["sf__Id"], "Phone": "+49 30 1"} for row in rows], wait=0.02)[0]
    removed = bulk.delete(records=[{"Id": row["sf__Id"]} for row in rows], wait=0.02)[0]

    counts = [
        (each["numberRecordsProcessed"], each["numberRecordsFailed"]) for each in (created, again, updated, removed)
    ]
    assert counts == [(5, 0)] * 4
    assert {row["sf__Created"] for row in rows} == {"true"}
    assert {row["sf__Created"] for row in parsed(bulk.get_successful_records(again["job_id"]))} == {"false"}
    assert {row["ERP_Customer__c"] for row in rows} == set(names)
    assert org.call("GET", f"sobjects/Account/{rows[0]['sf__Id']}").status_code == 404


@pytest.mark.parametrize(
    ("record", "error"),
    [
        ({"Name": ""}, "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"),
        ({"NumberOfEmployees": "many"}, "INVALID_TYPE_ON_FIELD_IN_RECORD:"),
        ({"NumberOfEmployees": "123456789"}, "NUMBER_OUTSIDE_VALID_RANGE:"),
        ({"Phone": "1" * 41}, "STRING_TOO_LONG:Phone: data value too large: " + "1" * 41 + " (max length=40):Phone --"),
        ({"Customer_Tier__c": "Tin"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:"),
        ({"ParentId": "not an id"}, "MALFORMED_ID:"),
        ({"ParentId": "001000000000000"}, "INVALID_CROSS_REFERENCE_KEY:"),
        ({"PhotoUrl": "/x"}, "INVALID_FIELD_FOR_INSERT_UPDATE:Unable to create/update fields: PhotoUrl."),
        ({"Parent.ERP_Customer__c": "none"}, "INVALID_FIELD:Foreign key external ID: none not found for field "
                                             "ERP_Customer__c in entity Account:--"),
    ],
)  # fmt: skip
def test_a_bad_record_fails_alone_with_salesforces_code(org: OrgClient, record: dict[str, str], error: str) -> None:
    good = {"Name": "Good", **dict.fromkeys(record, "")}

    job = org.load("Account", "insert", [{"Name": "Bad"} | record, good | {"Name": "Good"}])

    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 2, 1)
    failed = org.outcome(job, "failedResults/")
    assert failed[0]["sf__Error"].startswith(error), failed[0]["sf__Error"]
    assert len(org.outcome(job, "successfulResults/")) == 1
    assert org.outcome(job, "unprocessedrecords/") == []


def test_empty_leaves_and_na_clears(org: OrgClient) -> None:
    account = org.create("Account", Name="Keep", Phone="1", Fax="2", NumberOfEmployees=5)

    org.load("Account", "update", [{"Id": account, "Phone": "", "Fax": "#N/A", "NumberOfEmployees": "#N/A"}])

    row = org.row("Account", account)
    assert (row["Phone"], row["Fax"], row["NumberOfEmployees"]) == ("1", None, None)


def test_keys_match_whatever_their_case_and_repeat_badly_in_a_chunk(org: OrgClient) -> None:
    one, two = keys(2)
    org.load("Account", "insert", accounts([one]))
    rows = [
        {"Name": "first", "ERP_Customer__c": two},
        {"Name": "second", "ERP_Customer__c": two.lower()},
        {"Name": "renamed", "ERP_Customer__c": one.lower()},
    ]

    job = org.load("Account", "upsert", rows, externalIdFieldName="ERP_Customer__c")

    errors = {row["Name"]: row["sf__Error"] for row in org.outcome(job, "failedResults")}
    assert set(errors) == {"first", "second"}
    assert all("Duplicate external id specified" in error for error in errors.values())
    assert errors["first"].startswith("DUPLICATE_VALUE:")
    assert [row["sf__Created"] for row in org.outcome(job, "successfulResults")] == ["false"]


def test_lookups_are_set_by_foreign_key(org: OrgClient) -> None:
    (name,) = keys(1)
    account = org.create("Account", Name="Parent", ERP_Customer__c=name)
    row = {"LastName": "Child", "Account.ERP_Customer__c": name.lower(), "Department": name}

    job = org.load("Contact", "insert", [row])

    assert job["numberRecordsFailed"] == 0
    contact = org.outcome(job, "successfulResults")[0]["sf__Id"]
    assert org.row("Contact", contact)["AccountId"] == account


def test_only_one_upload_and_nothing_runs_before_it_is_closed(org: OrgClient) -> None:
    asked = {"object": "Account", "operation": "insert", "contentType": "CSV"}
    job = org.call("POST", "jobs/ingest", json=asked).json()
    csv_type = {"Content-Type": "text/csv; charset=UTF-8"}
    path = f"/{job['contentUrl']}"

    early = org.call("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    first = org.http.put(path, content=b"Name\nA\n", headers=csv_type)
    second = org.http.put(path, content=b"Name\nB\n", headers=csv_type)
    waiting = org.call("GET", f"jobs/ingest/{job['id']}").json()
    aborted = org.call("PATCH", f"jobs/ingest/{job['id']}", json={"state": "Aborted"}).json()

    assert job["state"] == "Open"
    assert job["contentUrl"] == f"services/data/v62.0/jobs/ingest/{job['id']}/batches"
    assert early.status_code == 400
    assert (first.status_code, first.content) == (201, b"")
    assert second.status_code == 400
    assert "multiple contents for job" in second.json()[0]["message"]
    assert (waiting["state"], waiting["numberRecordsProcessed"]) == ("Open", 0)
    assert aborted["state"] == "Aborted"
    assert org.outcome(job, "unprocessedrecords") == [{"Name": "A"}]


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("Name,Nonsense\nA,B\n", {}, "InvalidBatch : Field name not found : Nonsense"),
        ("Name\r\nA\r\n", {},
         "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("Name\nA\n", {"lineEnding": "CRLF"},
         "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF"),
        ("Name;Phone\nA;B\n", {}, "InvalidBatch : Field name not found : Name;Phone"),
    ],
)  # fmt: skip
def test_a_wrong_file_fails_the_job_as_a_whole(org: OrgClient, text: str, more: dict[str, str], message: str) -> None:
    job = org.load_text("Account", "insert", text, **more)

    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert len(org.outcome(job, "unprocessedrecords")) == 1
    assert org.outcome(job, "failedResults") == []


def test_a_job_that_fails_half_way_leaves_the_rest_unprocessed(org: OrgClient) -> None:
    org.control(
        "POST", "faults", {"kind": "job_failed", "operation": "insert", "after_records": 3, "message": "Broken"}
    )
    names = keys(10)

    job = org.load("Account", "insert", accounts(names))

    done, left = org.outcome(job, "successfulResults"), org.outcome(job, "unprocessedrecords")
    assert (job["state"], job["errorMessage"], job["numberRecordsProcessed"]) == ("Failed", "Broken", 3)
    assert len(done) == 3
    assert {row["ERP_Customer__c"] for row in [*done, *left]} == set(names)


def test_results_are_not_in_the_order_of_the_input(org: OrgClient) -> None:
    names = keys(50)

    job = org.load("Account", "insert", accounts(names))

    order = [row["ERP_Customer__c"] for row in org.outcome(job, "successfulResults")]
    assert sorted(order) == sorted(names)
    assert order != names


def test_multipart_creates_and_starts_at_once(org: OrgClient) -> None:
    job_part = json.dumps({"object": "Account", "operation": "insert", "contentType": "CSV"})
    files = {
        "job": (None, job_part, "application/json"),
        "content": ("content", csv_text([{"Name": 'Comma, "quote"\nand line'}]), "text/csv"),
    }

    created = org.call("POST", "jobs/ingest", files=files)
    job = org.finished(created.json(), "ingest")

    assert created.json()["state"] == "UploadComplete"
    assert job["state"] == "JobComplete"
    assert org.outcome(job, "successfulResults")[0]["Name"] == 'Comma, "quote"\nand line'


def test_row_failures_on_demand(org: OrgClient) -> None:
    names = keys(4)
    fault = {"kind": "row_failure", "object": "Account", "field": "ERP_Customer__c", "matches": "-2$", "count": None}
    number = org.control("POST", "faults", fault)["id"]

    job = org.load("Account", "insert", accounts(names))

    org.control("DELETE", f"faults/{number}")
    failed = org.outcome(job, "failedResults")
    assert [row["ERP_Customer__c"] for row in failed] == [names[2]]
    assert failed[0]["sf__Error"] == "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record:--"


def test_hard_delete_leaves_no_trace_in_query_all(org: OrgClient) -> None:
    account = org.create("Account", Name="Trace")

    job = org.load("Account", "hardDelete", [{"Id": account}])

    assert (job["state"], job["numberRecordsFailed"]) == ("JobComplete", 0)
    assert org.query(f"SELECT Id FROM Account WHERE Id = '{account}'", "queryAll") == []


def test_hard_delete_needs_its_permission(org: OrgClient) -> None:
    with org.settings(hard_delete_allowed=False):
        answer = org.call("POST", "jobs/ingest", json={"object": "Account", "operation": "hardDelete"})

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "FEATURENOTENABLED")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"object": "Nonsense", "operation": "insert"}, "INVALIDJOB"),
        ({"object": "OpportunityHistory", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "Account", "operation": "upsert"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "upsert", "externalIdFieldName": "Phone"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "query"}, "INVALIDOPERATION"),
    ],
)
def test_a_job_that_cannot_be_is_refused(org: OrgClient, asked: dict[str, str], code: str) -> None:
    answer = org.call("POST", "jobs/ingest", json=asked)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
