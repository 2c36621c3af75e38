"""Bulk API 2.0 query of the stand-in, through simple-salesforce and by hand."""

import gzip
import json
from typing import Any

import httpx
import pytest

from tests.conformance.sandbox.org_client import OrgClient, parsed

FIELDS = (
    "Id, Name, AccountId, Account.Name, Description, StageName, Amount, Probability, CloseDate, IsClosed, "
    "CreatedDate, SystemModstamp, NextStep"
)
SOQL = f"SELECT {FIELDS} FROM Opportunity"
AWKWARD = 'Zoë "quoted", 東京\r\nsecond line; 😀'


@pytest.fixture(scope="module")
def awkward(org: OrgClient) -> str:
    return org.create(
        "Opportunity",
        Name=AWKWARD.replace("\r\n", " "),
        Description=AWKWARD,
        StageName="Prospecting",
        CloseDate="2026-03-04",
        Amount=125000000.5,
    )


def test_simple_salesforce_reads_the_same_records_as_rest(org: OrgClient, awkward: str) -> None:
    pages = list(org.bulk2.Opportunity.query(SOQL, max_records=70, wait=0.02))
    bulk = [row for page in pages for row in parsed(page)]
    rest = org.query(SOQL)

    assert len(pages) > 2
    assert [row["Id"] for row in bulk] != []
    assert {row["Id"]: as_text(row) for row in rest} == {row["Id"]: as_numbers(row) for row in bulk}
    assert awkward in {row["Id"] for row in bulk}


def as_text(record: dict[str, object]) -> dict[str, object]:
    """A REST record as Bulk writes it, numbers aside."""
    account = record.pop("Account")
    record.pop("attributes")
    flat = {name: "" if value is None else value for name, value in record.items()}
    flat["Account.Name"] = account["Name"] if isinstance(account, dict) else ""
    for name in ("CreatedDate", "SystemModstamp"):
        flat[name] = str(flat[name]).replace("+0000", "Z")
    flat["IsClosed"] = str(flat["IsClosed"]).lower()
    return flat


def as_numbers(row: dict[str, str]) -> dict[str, object]:
    numbers = {name: float(row[name]) if row[name] else "" for name in ("Amount", "Probability")}
    return {**row, **numbers}


def test_cells_are_written_as_salesforce_writes_them(org: OrgClient, awkward: str) -> None:
    job = org.queried(f"SELECT Id, Description, Amount, IsClosed, CloseDate, NextStep, CreatedDate FROM Opportunity "
                      f"WHERE Id = '{awkward}'")  # fmt: skip

    text = org.page(job).content.decode()

    header, record = text.split("\n", 1)
    assert header == '"Id","Description","Amount","IsClosed","CloseDate","NextStep","CreatedDate"'
    assert record.startswith(
        f'"{awkward}","Zoë ""quoted"", 東京\r\nsecond line; 😀","1.250000005E8","false","2026-03-04","","'
    )
    assert record.endswith('.000Z"\n')


def test_job_passes_its_states_and_refuses_early_results(org: OrgClient) -> None:
    with org.settings(queue_s=0.3, run_s=0.3):
        job = org.start_query("SELECT Id FROM Account")
        queued = org.call("GET", f"jobs/query/{job['id']}").json()
        early = org.call("GET", f"jobs/query/{job['id']}/results")
        seen = {queued["state"]}
        while "JobComplete" not in seen:
            seen.add(org.call("GET", f"jobs/query/{job['id']}").json()["state"])

    assert job["id"].startswith("750")
    assert job["apiVersion"] == 62.0
    assert job["object"] == "Account"
    assert "jobType" not in job
    assert queued["jobType"] == "V2Query"
    assert early.status_code == 400
    assert early.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert seen == {"UploadComplete", "InProgress", "JobComplete"}


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_locators_partition_the_result_whatever_the_page_size(org: OrgClient, size: int) -> None:
    job = org.queried("SELECT Id, Name FROM Account LIMIT 30")

    pages = list(org.pages(job, maxRecords=size))

    assert all(page.text.startswith('"Id","Name"\n') for page in pages)
    assert [int(page.headers["Sforce-NumberOfRecords"]) for page in pages] == [len(parsed(page.text)) for page in pages]
    ids = [row["Id"] for page in pages for row in parsed(page.text)]
    assert len(ids) == len(set(ids)) == job["numberRecordsProcessed"] == 30
    assert pages[-1].headers["Sforce-Locator"] == "null"


def test_locator_gives_the_same_bytes_again(org: OrgClient) -> None:
    job = org.queried("SELECT Id, Name FROM Account")
    locator = org.page(job, maxRecords=5).headers["Sforce-Locator"]

    once, again = (org.page(job, maxRecords=5, locator=locator) for _ in range(2))

    assert once.content == again.content
    assert "content-length" in once.headers
    assert org.call("GET", f"jobs/query/{job['id']}/results", params={"locator": "nonsense"}).status_code == 400


def test_gzip_only_when_asked_and_the_same_content(org: OrgClient) -> None:
    job = org.queried(SOQL)
    path = f"{org.url}{org.base}/jobs/query/{job['id']}/results"
    headers = {"Authorization": f"Bearer {org.token}"}

    with httpx.stream("GET", path, headers=headers | {"Accept-Encoding": "identity"}) as plain:
        content = b"".join(plain.iter_raw())
    with httpx.stream("GET", path, headers=headers | {"Accept-Encoding": "gzip"}) as packed:
        packed_content = b"".join(packed.iter_raw())

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed_content) < len(content)
    assert gzip.decompress(packed_content) == content


def test_result_pages_come_in_fives_and_partition_the_result(org: OrgClient) -> None:
    with org.settings(page_rows=4):
        job = org.queried("SELECT Id FROM Account LIMIT 30")
    steps = [org.call("GET", f"jobs/query/{job['id']}/resultPages").json()]
    while not steps[-1]["done"]:
        steps.append(org.http.get(steps[-1]["nextRecordsUrl"]).json())

    links = [page["resultUrl"] for step in steps for page in step["resultPages"]]
    ids = [row["Id"] for link in links for row in parsed(org.http.get(link).text)]

    assert [len(step["resultPages"]) for step in steps] == [5, 3]
    assert "nextRecordsUrl" not in steps[-1]
    assert len(ids) == len(set(ids)) == 30


def test_another_api_version_is_a_conflict(org: OrgClient) -> None:
    job = org.queried("SELECT Id FROM Account LIMIT 1")

    answer = org.http.get(f"/services/data/v61.0/jobs/query/{job['id']}/results")

    assert answer.status_code == 409


def test_a_job_reads_the_rows_as_they_were_when_it_began(org: OrgClient) -> None:
    before = org.queried("SELECT Id FROM Campaign")
    org.create("Campaign", Name="later")

    assert len(parsed(org.page(before).text)) == before["numberRecordsProcessed"]
    assert org.queried("SELECT Id FROM Campaign")["numberRecordsProcessed"] == before["numberRecordsProcessed"] + 1


def test_query_all_adds_the_deleted(org: OrgClient) -> None:
    gone = org.create("Campaign", Name="gone")
    assert org.call("DELETE", f"sobjects/Campaign/{gone}").status_code == 204
    soql = f"SELECT Id, IsDeleted FROM Campaign WHERE Id = '{gone}'"

    assert org.queried(soql)["numberRecordsProcessed"] == 0
    rows = parsed(org.page(org.queried(soql, operation="queryAll")).text)
    assert rows == [{"Id": gone, "IsDeleted": "true"}]


@pytest.mark.parametrize(("setting", "content"), [("header", '"Id"\n'), ("nothing", "")])
def test_an_empty_result_is_a_header_or_nothing(org: OrgClient, setting: str, content: str) -> None:
    with org.settings(empty_result=setting):
        page = org.page(org.queried("SELECT Id FROM Account WHERE Name = 'nobody'"))

    assert page.text == content
    assert page.headers["Sforce-NumberOfRecords"] == "0"
    assert page.headers["Sforce-Locator"] == "null"


def test_delimiter_and_line_ending_are_as_asked(org: OrgClient) -> None:
    job = org.queried("SELECT Id, Name FROM Account LIMIT 2", columnDelimiter="PIPE", lineEnding="CRLF")

    text = org.page(job).content.decode()

    assert text.startswith('"Id"|"Name"\r\n')
    assert text.endswith('"\r\n')


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"query": "SELECT Id, Nonsense FROM Account"}, "INVALID_FIELD"),
        ({"query": "SELECT Id FROM Nonsense"}, "INVALID_TYPE"),
        ({"query": "SELECT Id FORM Account"}, "MALFORMED_QUERY"),
        ({"query": "SELECT Id FROM TaskStatus"}, "INVALIDENTITY"),
        ({"query": "SELECT Id FROM Account", "operation": "insert"}, "INVALIDOPERATION"),
        ({"query": "SELECT Id FROM Account", "lineEnding": "CR"}, "INVALIDJOB"),
        ({"query": "SELECT Id FROM Account", "columnDelimiter": "SPACE"}, "INVALIDJOB"),
        ({"query": "SELECT Id FROM Account", "surprise": 1}, "JSON_PARSER_ERROR"),
    ],
)
def test_what_salesforce_refuses_is_refused_at_creation(org: OrgClient, asked: dict[str, str], code: str) -> None:
    answer = org.call("POST", "jobs/query", json={"operation": "query"} | asked)

    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_compound_fields_are_refused_with_salesforces_sentence(org: OrgClient) -> None:
    answer = org.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT BillingAddress FROM Account"})

    assert answer.status_code == 400
    assert "Selecting compound data not supported in Bulk Query" in answer.json()[0]["message"]


def test_a_stuck_job_is_aborted_and_deleted(org: OrgClient) -> None:
    org.control("POST", "faults", {"kind": "job_stuck", "object": "Account"})
    job = org.start_query("SELECT Id FROM Account")
    path = f"jobs/query/{job['id']}"

    refused = org.call("DELETE", path)
    aborted = org.call("PATCH", path, json={"state": "Aborted"})

    assert refused.status_code == 400
    assert aborted.json()["state"] == "Aborted"
    assert org.call("GET", path).json()["state"] == "Aborted"
    assert org.call("PATCH", path, json={"state": "Aborted"}).status_code == 400
    assert org.call("GET", f"{path}/results").status_code == 400
    assert org.call("DELETE", path).status_code == 204
    assert org.call("GET", path).status_code == 404


def test_a_failed_job_says_why_and_only_the_next_one_is_hit(org: OrgClient) -> None:
    org.control("POST", "faults", {"kind": "job_failed", "message": "InvalidBatch : Failed to process query: BOOM"})

    failed = org.finished(org.start_query("SELECT Id FROM Account"))

    assert (failed["state"], failed["errorMessage"]) == ("Failed", "InvalidBatch : Failed to process query: BOOM")
    assert org.queried("SELECT Id FROM Account")["state"] == "JobComplete"


def test_a_restarted_job_counts_from_nothing_again(org: OrgClient) -> None:
    org.control("POST", "faults", {"kind": "job_restarted"})
    job = org.start_query("SELECT Id FROM Campaign")
    counts: list[dict[str, Any]] = []
    while not counts or counts[-1]["state"] != "JobComplete":
        counts.append(org.call("GET", f"jobs/query/{job['id']}").json())

    processed = [each["numberRecordsProcessed"] for each in counts]
    assert max(processed) == 1000
    assert processed[-1] < 1000
    assert counts[-1]["retries"] == 1


def test_quota_of_jobs_is_enforced_and_counted(org: OrgClient) -> None:
    before = org.call("GET", "limits").json()["DailyBulkV2QueryJobs"]["Remaining"]
    org.queried("SELECT Id FROM Account LIMIT 1")
    after = org.call("GET", "limits").json()["DailyBulkV2QueryJobs"]["Remaining"]
    org.control("POST", "limits", {"name": "DailyBulkV2QueryJobs", "remaining": 0})

    refused = org.call("POST", "jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"})

    org.control("DELETE", "limits")
    assert after == before - 1
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    assert refused.json()[0]["message"] == "Max bulk v2 query jobs (10000) per 24 hrs has been reached"


def test_jobs_are_listed_by_kind(org: OrgClient) -> None:
    job = org.queried("SELECT Id FROM Account LIMIT 1")

    listed = org.call("GET", "jobs/query", params={"jobType": "V2Query"}).json()
    others = org.call("GET", "jobs/query", params={"jobType": "BigObjectIngest"}).json()

    assert job["id"] in {each["id"] for each in listed["records"]}
    assert json.dumps(others["records"]) == "[]"
