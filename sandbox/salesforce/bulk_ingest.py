"""Bulk API 2.0 ingest: jobs, their upload, their three result files."""

import asyncio
import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce.bulk_jobs import BulkJob, Foreman, JobShelf, abort, delete, job_dialect, list_page
from sandbox.salesforce.bulk_load import CONTENT, Load
from sandbox.salesforce.bulk_pages import FileReply
from sandbox.salesforce.conditions import Conditions, conditions_of
from sandbox.salesforce.errors import SalesforceFault, not_found
from sandbox.salesforce.store import Org
from sandbox.salesforce.wire import read_object, user_of

BASE = "/services/data/v{version}/jobs/ingest"
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")
CREATE_KEYS = {"object", "operation", "externalIdFieldName", "contentType", "columnDelimiter", "lineEnding"}
OPTIONAL_KEYS = {"assignmentRuleId"}
LARGEST_UPLOAD, LARGEST_MULTIPART = 150_000_000, 100_000
RESULTS = {
    "successfulresults": "successful.csv",
    "failedresults": "failed.csv",
    "unprocessedrecords": "unprocessed.csv",
}
TWICE = (
    "Found multiple contents for job: <{id}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a new "
    "Job and make sure you only do 'PUT' once on a given Job."
)
NO_HARD_DELETE = (
    "hardDelete operation requires special user profile permission, please contact your system administrator"
)


class IngestJobs:
    """All ingest jobs of an org, a folder each under `bulk/ingest` of its data folder."""

    def __init__(self, org: Org, conditions: Conditions) -> None:
        self.org = org
        self.conditions = conditions
        self.shelf = JobShelf(org.folder / "bulk" / "ingest")
        self.foreman = Foreman(conditions)

    def create(self, asked: dict[str, Any], *, version: str, user_id: str) -> BulkJob:
        """Check the request as Salesforce does and open the job. Raises SalesforceFault."""
        unknown = set(asked) - CREATE_KEYS - OPTIONAL_KEYS
        if unknown:
            raise SalesforceFault(400, "JSON_PARSER_ERROR", f'Unrecognized field "{min(unknown)}"')
        dialect, operation = job_dialect(asked), self._operation(asked)
        object_name, key = self._target(asked, operation)
        if self.org.limits.remaining("DailyBulkApiBatches") <= 0:
            raise SalesforceFault(400, "LIMIT_EXCEEDED", "ApiBatchItems Limit exceeded.")
        job = BulkJob(
            id=self.org.new_id("Job"),
            operation=operation,
            object_name=object_name,
            api_version=version,
            dialect=dialect,
            created_by=user_id,
            created=self.org.now(),
            state="Open",
            settings={"key": key, "assignmentRuleId": asked.get("assignmentRuleId")},
        )
        self.shelf.add(job)
        return job

    def start(self, job: BulkJob) -> None:
        """Queue an open job whose data is there. Raises a 400 in any other state."""
        content = self.shelf.folder_of(job) / CONTENT
        if not content.exists():
            raise SalesforceFault(400, "INVALIDJOBSTATE", f"No data has been uploaded to job {job.id}")
        if not job.move(to="UploadComplete", only="Open"):
            raise SalesforceFault(400, "INVALIDJOBSTATE", f"A job that is {job.state} cannot be closed")
        load = Load(self.org, job, self.shelf.folder_of(job))
        self.foreman.start(job, self.shelf, load.run, self.org.now)

    def find(self, request: Request) -> BulkJob:
        job = self.shelf.find(request.path_params["job_id"])
        if job is None:
            raise not_found()
        return job

    def _operation(self, asked: dict[str, Any]) -> str:
        operation = asked.get("operation")
        if operation not in OPERATIONS:
            raise SalesforceFault(
                400, "INVALIDOPERATION", f"Operation {operation} is not one of {', '.join(OPERATIONS)}"
            )
        if operation == "hardDelete" and not self.conditions.bulk.hard_delete_allowed:
            raise SalesforceFault(400, "FEATURENOTENABLED", NO_HARD_DELETE)
        return str(operation)

    def _target(self, asked: dict[str, Any], operation: str) -> tuple[str, str]:
        spec = self.org.schema.find(str(asked.get("object", "")))
        if spec is None:
            raise SalesforceFault(400, "INVALIDJOB", f"Unable to find object: {asked.get('object')}")
        if spec.read_only or not spec.bulk:
            raise SalesforceFault(400, "INVALIDENTITY", f"Entity '{spec.name}' is not supported by the Bulk API.")
        if operation != "upsert":
            return spec.name, "Id"
        name = asked.get("externalIdFieldName")
        if not name:
            sentence = f"External ID was blank for {spec.name}. An External ID must be specified for upsert."
            raise SalesforceFault(400, "INVALIDJOB", sentence)
        key = spec.find(str(name))
        if key is None or not (key.external_id or key.id_lookup):
            sentence = (
                f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field "
                f"for {spec.name}"
            )
            raise SalesforceFault(400, "INVALIDJOB", sentence)
        return spec.name, key.name


class _Resources:
    """The HTTP face of the ingest jobs."""

    def __init__(self, org: Org) -> None:
        self.jobs = IngestJobs(org, conditions_of(org))

    async def create(self, request: Request) -> Response:
        version, user_id = request.path_params["version"], user_of(request)
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            asked, content = await _parts(request)
            job = self.jobs.create(asked, version=version, user_id=user_id)
            (self.jobs.shelf.folder_of(job) / CONTENT).write_bytes(content)
            self.jobs.start(job)
        else:
            job = self.jobs.create(await read_object(request), version=version, user_id=user_id)
        return JSONResponse(summary(job))

    async def upload(self, request: Request) -> Response:
        job = self.jobs.find(request)
        if not request.headers.get("content-type", "").lower().startswith("text/csv"):
            raise SalesforceFault(415, "UNSUPPORTED_MEDIA_TYPE", "The upload must have Content-Type: text/csv")
        content = self.jobs.shelf.folder_of(job) / CONTENT
        if job.state != "Open" or content.exists():
            raise SalesforceFault(400, "INVALIDJOBSTATE", TWICE.format(id=job.id))
        await _receive(request, content)
        return Response(status_code=201)

    async def show(self, request: Request) -> Response:
        return JSONResponse(described(self.jobs.find(request)))

    async def change(self, request: Request) -> Response:
        job, wanted = self.jobs.find(request), (await read_object(request)).get("state")
        if wanted == "Aborted":
            abort(job, self.jobs.shelf)
        elif wanted == "UploadComplete":
            self.jobs.start(job)
        else:
            raise SalesforceFault(
                400, "INVALIDJOBSTATE", f"A job can be set to UploadComplete or Aborted, not {wanted}"
            )
        return JSONResponse(summary(job))

    async def remove(self, request: Request) -> Response:
        delete(self.jobs.find(request), self.jobs.shelf)
        return Response(status_code=204)

    async def listed(self, request: Request) -> Response:
        return JSONResponse(list_page(self.jobs.shelf, request, kind="V2Ingest"))

    async def results(self, request: Request) -> Response:
        job, name = self.jobs.find(request), RESULTS.get(request.path_params["results"].rstrip("/").lower())
        if name is None:
            raise not_found()
        if not job.is_final:
            raise SalesforceFault(400, "INVALIDJOBSTATE", f"Results are not available while the job is {job.state}")
        folder = self.jobs.shelf.folder_of(job)
        if not (folder / name).exists():
            await asyncio.to_thread(Load(self.jobs.org, job, folder).write_unprocessed)
        return await _file(folder / name, packed="gzip" in request.headers.get("accept-encoding", ""))


def routes(org: Org) -> list[Route]:
    """The resources of ingest jobs."""
    jobs, one = _Resources(org), f"{BASE}/{{job_id}}"
    return [
        Route(BASE, jobs.create, methods=["POST"]),
        Route(BASE, jobs.listed, methods=["GET"]),
        Route(one, jobs.show, methods=["GET"]),
        Route(one, jobs.change, methods=["PATCH"]),
        Route(one, jobs.remove, methods=["DELETE"]),
        Route(f"{one}/batches", jobs.upload, methods=["PUT"]),
        Route(f"{one}/{{results:path}}", jobs.results, methods=["GET"]),
    ]


def summary(job: BulkJob) -> dict[str, Any]:
    """What create and state changes show; `contentUrl` only while data can be sent."""
    answer = job.summary()
    if job.operation == "upsert":
        answer["externalIdFieldName"] = job.settings["key"]
    if job.settings.get("assignmentRuleId"):
        answer["assignmentRuleId"] = job.settings["assignmentRuleId"]
    if job.state == "Open":
        answer["contentUrl"] = f"services/data/v{job.api_version}/jobs/ingest/{job.id}/batches"
    return answer


def described(job: BulkJob) -> dict[str, Any]:
    """What a later read shows; `numberRecordsProcessed` includes the failed ones."""
    answer = summary(job) | {
        "jobType": "V2Ingest",
        "numberRecordsProcessed": job.processed,
        "numberRecordsFailed": job.failed,
        "retries": job.retries,
        "totalProcessingTime": job.work_ms,
        "apiActiveProcessingTime": job.work_ms,
        "apexProcessingTime": 0,
    }
    return answer | ({"errorMessage": job.message} if job.message else {})


async def _parts(request: Request) -> tuple[dict[str, Any], bytes]:
    form = await request.form(max_part_size=2 * LARGEST_MULTIPART)
    job, content = form.get("job"), form.get("content")
    if job is None or content is None:
        raise SalesforceFault(400, "INVALIDJOB", "A multipart request needs the parts job and content")
    text = (await job.read()).decode() if isinstance(job, UploadFile) else job
    data = await content.read() if isinstance(content, UploadFile) else content.encode()
    if len(data) > LARGEST_MULTIPART:
        raise SalesforceFault(400, "INVALIDJOB", f"The content part exceeds {LARGEST_MULTIPART} characters")
    try:
        asked = json.loads(text)
    except ValueError as error:
        raise SalesforceFault(400, "JSON_PARSER_ERROR", f"The job part is not JSON: {error}") from error
    return asked, data


async def _receive(request: Request, content: Path) -> None:
    received, unfinished = 0, content.with_suffix(".part")
    with unfinished.open("wb") as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > LARGEST_UPLOAD:
                break
            file.write(chunk)
    if received > LARGEST_UPLOAD:
        unfinished.unlink()
        raise SalesforceFault(400, "CLIENT_INPUT_ERROR", f"The upload exceeds {LARGEST_UPLOAD} bytes")
    unfinished.rename(content)


async def _file(path: Path, *, packed: bool) -> Response:
    headers = {"content-type": "text/csv; charset=UTF-8"}
    if packed:
        body = await asyncio.to_thread(partial(gzip.compress, path.read_bytes(), 1))
        return Response(body, headers=headers | {"content-encoding": "gzip"})
    return FileReply(path, prefix=b"", offset=0, size=path.stat().st_size, headers=headers)
