"""Bulk API 2.0 query: jobs, their results by locator, and their results in parallel."""

import base64
import binascii
import zlib
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce import soql
from sandbox.salesforce.bulk_csv import ResultFile, line_query
from sandbox.salesforce.bulk_jobs import BulkJob, Foreman, JobShelf, abort, delete, job_dialect, list_page
from sandbox.salesforce.bulk_pages import Pages, Slice
from sandbox.salesforce.conditions import Conditions, conditions_of
from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.job_page import job_page
from sandbox.salesforce.store import Org
from sandbox.salesforce.wire import read_object, user_of

BASE = "/services/data/v{version}/jobs/query"
LINKS_AT_ONCE = 5
PARALLEL_SINCE = 58.0
CREATE_KEYS = {"operation", "query", "contentType", "columnDelimiter", "lineEnding"}


class QueryJobs:
    """All query jobs of an org, their results on disk under `bulk/query` of its data folder."""

    def __init__(self, org: Org, conditions: Conditions) -> None:
        self.org = org
        self.conditions = conditions
        self.shelf = JobShelf(org.folder / "bulk" / "query")
        self.foreman = Foreman(conditions)
        self.pages = Pages()

    def create(self, asked: dict[str, Any], *, version: str, user_id: str) -> BulkJob:
        """Check the request as Salesforce does, then queue the job. Raises SalesforceFault."""
        operation, dialect = query_operation(asked), job_dialect(asked)
        text = asked.get("query") or ""
        compiled = soql.compile(self.org, text, bulk=True, include_deleted=operation == "queryAll")
        spend_quota(self.org)
        job = BulkJob(
            id=self.org.new_id("Job"),
            operation=operation,
            object_name=compiled.object_name,
            api_version=version,
            dialect=dialect,
            created_by=user_id,
            created=self.org.now(),
            state="UploadComplete",
            settings={
                "columns": [column.header for column in compiled.columns],
                "page_rows": min(self.conditions.bulk.page_rows, self.conditions.bulk.max_page_rows),
            },
        )
        self.shelf.add(job)
        self.foreman.start(job, self.shelf, lambda: self._render(job, compiled), self.org.now)
        return job

    def result(self, job: BulkJob) -> ResultFile:
        """Where the records of the job are, or will be."""
        return ResultFile(self.shelf.folder_of(job), header=job.dialect.line(job.settings["columns"]))

    def find(self, request: Request) -> BulkJob:
        """The job named in the path; raises a 404 for one that is unknown."""
        job = self.shelf.find(request.path_params["job_id"])
        if job is None:
            raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def finished(self, request: Request) -> BulkJob:
        """The job whose results are asked for; refuses other API versions (409) and unfinished jobs (400)."""
        job = self.find(request)
        if job.api_version != request.path_params["version"]:
            text = f"The job was created with API version {job.api_version}; results must be read with the same version"
            raise SalesforceFault(409, "API_VERSION_MISMATCH", text)
        if job.state != "JobComplete":
            text = f"Results are available once the job is JobComplete. The state of job {job.id} is {job.state}"
            raise SalesforceFault(400, "INVALIDJOBSTATE", text)
        return job

    def _render(self, job: BulkJob, compiled: soql.Compiled) -> None:
        cursor = self.org.cursor()
        job.interrupt = cursor.interrupt
        sql = line_query(compiled.sql, [column.type for column in compiled.columns], job.dialect)

        def progress(records: int) -> None:
            job.processed = records

        try:
            result = self.result(job)
            job.processed = result.write(cursor, sql, compiled.params, progress)
            self.org.limits.spend("DailyBulkV2QueryFileStorageMB", result.size / 2**20)
        finally:
            cursor.close()


class _Resources:
    """The HTTP face of the query jobs."""

    def __init__(self, org: Org) -> None:
        self.jobs = QueryJobs(org, conditions_of(org))

    async def create(self, request: Request) -> Response:
        asked = await read_object(request)
        unknown = set(asked) - CREATE_KEYS
        if unknown:
            raise SalesforceFault(400, "JSON_PARSER_ERROR", f'Unrecognized field "{min(unknown)}"')
        job = self.jobs.create(asked, version=request.path_params["version"], user_id=user_of(request))
        return JSONResponse(job.summary())

    async def show(self, request: Request) -> Response:
        return JSONResponse(described(self.jobs.find(request)))

    async def abort(self, request: Request) -> Response:
        job = self.jobs.find(request)
        if (await read_object(request)).get("state") != "Aborted":
            raise SalesforceFault(400, "INVALIDJOBSTATE", "A query job can only be set to Aborted")
        abort(job, self.jobs.shelf)
        return JSONResponse(job.summary())

    async def remove(self, request: Request) -> Response:
        delete(self.jobs.find(request), self.jobs.shelf)
        return Response(status_code=204)

    async def listed(self, request: Request) -> Response:
        return JSONResponse(list_page(self.jobs.shelf, request, kind="V2Query"))

    async def results(self, request: Request) -> Response:
        return await _result_page(self.jobs, request)

    async def result_pages(self, request: Request) -> Response:
        return JSONResponse(_links(self.jobs.finished(request), request))


def routes(org: Org) -> list[Route]:
    """The resources of query jobs."""
    jobs, one = _Resources(org), f"{BASE}/{{job_id}}"
    return [
        Route(BASE, jobs.create, methods=["POST"]),
        Route(BASE, jobs.listed, methods=["GET"]),
        Route(one, jobs.show, methods=["GET"]),
        Route(one, jobs.abort, methods=["PATCH"]),
        Route(one, jobs.remove, methods=["DELETE"]),
        Route(f"{one}/results", jobs.results, methods=["GET"]),
        Route(f"{one}/resultPages", jobs.result_pages, methods=["GET"]),
        job_page(jobs.jobs.shelf.find),
    ]


async def _result_page(jobs: QueryJobs, request: Request) -> Response:
    job = jobs.finished(request)
    bulk = jobs.conditions.bulk
    first = read_locator(job, request.query_params.get("locator"))
    rows = min(_max_records(request) or job.settings["page_rows"], bulk.max_page_rows)
    page = Slice(jobs.result(job), first, max(0, min(rows, job.processed - first)))
    following = first + page.count
    headers = {
        "Sforce-NumberOfRecords": str(page.count),
        "Sforce-Locator": make_locator(job, following) if following < job.processed else "null",
    }
    if job.processed == 0 and bulk.empty_result == "nothing":
        return Response(b"", headers=headers, media_type="text/csv; charset=UTF-8")
    gzip = "gzip" in request.headers.get("accept-encoding", "")
    if gzip:
        jobs.pages.prepare(Slice(page.result, following, min(rows, job.processed - following)))
    return await jobs.pages.reply(page, gzip=gzip, headers=headers)


def _links(job: BulkJob, request: Request) -> dict[str, Any]:
    if float(job.api_version) < PARALLEL_SINCE:
        raise SalesforceFault(404, "NOT_FOUND", "The requested resource does not exist")
    rows = job.settings["page_rows"]
    first = read_locator(job, request.query_params.get("locator"))
    end = first + LINKS_AT_ONCE * rows
    base = f"/services/data/v{job.api_version}/jobs/query/{job.id}"
    starts = range(first, max(min(end, job.processed), first + 1), rows)
    answer: dict[str, Any] = {
        "resultPages": [{"resultUrl": f"{base}/results?locator={make_locator(job, start)}"} for start in starts],
        "done": end >= job.processed,
    }
    if not answer["done"]:
        answer["nextRecordsUrl"] = f"{base}/resultPages?locator={make_locator(job, end)}"
    return answer


def spend_quota(org: Org) -> None:
    """Count one query job; raises the 400 of an org whose jobs, or whose megabytes of results, are used up."""
    if org.limits.remaining("DailyBulkV2QueryJobs") <= 0:
        most = org.limits.maximum("DailyBulkV2QueryJobs")
        sentence = f"Max bulk v2 query jobs ({most}) per 24 hrs has been reached"
        raise SalesforceFault(400, "LIMIT_EXCEEDED", sentence)
    if org.limits.remaining("DailyBulkV2QueryFileStorageMB") <= 0:
        most = org.limits.maximum("DailyBulkV2QueryFileStorageMB") * 1024
        sentence = f"Max bulk v2 query result size stored ({most}) kb per 24 hrs has been exceeded"
        raise SalesforceFault(400, "LIMIT_EXCEEDED", sentence)
    org.limits.spend("DailyBulkV2QueryJobs")


def make_locator(job: BulkJob, record: int) -> str:
    """An opaque token for the set that begins with this record; the same for as long as the job exists."""
    return base64.urlsafe_b64encode(f"{record}.{_seal(job, record)}".encode()).decode().rstrip("=")


def read_locator(job: BulkJob, locator: str | None) -> int:
    """The record a locator of this job stands for; 0 without one. Raises INVALID_QUERY_LOCATOR for anything else."""
    if locator is None:
        return 0
    try:
        record, seal = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode().split(".")
        if seal == str(_seal(job, int(record))):
            return int(record)
    except (ValueError, binascii.Error):
        pass
    raise SalesforceFault(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {locator}")


def _seal(job: BulkJob, record: int) -> int:
    return zlib.crc32(f"{job.id}:{record}".encode())


def _max_records(request: Request) -> int | None:
    text = request.query_params.get("maxRecords")
    if text is None:
        return None
    if not text.isdigit() or int(text) == 0:
        raise SalesforceFault(400, "INVALID_ARGUMENT", f"maxRecords must be a positive whole number, not {text}")
    return int(text)


def query_operation(asked: dict[str, Any]) -> str:
    """`query` or `queryAll`; raises a 400 for anything else."""
    operation = asked.get("operation")
    if operation not in ("query", "queryAll"):
        raise SalesforceFault(400, "INVALIDOPERATION", f"Operation {operation} is not valid for a query job")
    return str(operation)


def described(job: BulkJob) -> dict[str, Any]:
    """What a later read of a query job shows."""
    answer = job.summary() | {
        "jobType": "V2Query",
        "numberRecordsProcessed": job.processed,
        "retries": job.retries,
        "totalProcessingTime": job.work_ms,
        "isPkChunkingSupported": True,
    }
    return answer | ({"errorMessage": job.message} if job.message else {})
