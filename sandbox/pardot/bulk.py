"""Jobs that take a while: imports of CSV rows, exports of a year at most."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.pardot.errors import PardotFault, not_found
from sandbox.pardot.kinds import KINDS
from sandbox.pardot.objects import read_object
from sandbox.pardot.querying import check_fields, rendered
from sandbox.pardot.unit import Record, Unit, parse_stamp
from sandbox.pardot.writing import Writer

MOST_BATCHES, MOST_FIELDS, YEAR_S, ROWS_OF_A_FILE = 10, 150, 366 * 86_400, 100_000
MATCHES = ("matchEmail", "matchId", "matchSalesforceId")
EXPORTED = {"prospect": "prospects", "visitorActivity": "visitor-activities", "listMembership": "list-memberships"}


@dataclass(slots=True)
class Import:
    """State runs Open, Waiting, Complete; rows are written once, when the job is first looked at after its wait."""

    id: int
    options: dict[str, Any]
    made_at: int
    rows: list[dict[str, str]] = field(default_factory=list)
    batches: int = 0
    state: str = "Open"
    ready_at: int = 0
    created: int = 0
    updated: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Export:
    id: int
    kind: str
    fields: list[str]
    procedure: dict[str, Any]
    ready_at: int
    made_at: int
    rows: list[Record] | None = None


def routes(unit: Unit) -> list[Route]:
    """`/api/v5/imports` and `/api/v5/exports`."""
    jobs = _Jobs(unit)
    return [
        Route("/api/v5/imports", jobs.make_import, methods=["POST"]),
        Route("/api/v5/imports/{id:int}/batches", jobs.add_batch, methods=["POST"]),
        Route("/api/v5/imports/{id:int}/errors", jobs.import_errors, methods=["GET"]),
        Route("/api/v5/imports/{id:int}", jobs.one_import, methods=["GET", "PATCH"]),
        Route("/api/v5/exports", jobs.make_export, methods=["POST"]),
        Route("/api/v5/exports/{id:int}", jobs.one_export, methods=["GET"]),
        Route("/api/v5/exports/{id:int}/results/{number:int}", jobs.result, methods=["GET"]),
    ]


class _Jobs:
    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.imports: dict[int, Import] = {}
        self.exports: dict[int, Export] = {}

    async def make_import(self, request: Request) -> Response:
        form = await request.form()
        options = _options(form.get("input"))
        if (options.get("operation"), options.get("object")) != ("Upsert", "Prospect"):
            raise PardotFault(71, "operation is Upsert and object is Prospect")
        job = Import(len(self.imports) + 1, options, self.unit.now())
        self.imports[job.id] = job
        if (file := form.get("file")) is not None:
            self._add(job, await _text(file))
        return JSONResponse(_told_import(job), status_code=201)

    async def add_batch(self, request: Request) -> Response:
        job = self._import(request)
        self._add(job, await _text((await request.form()).get("file")))
        return Response(status_code=204)

    async def one_import(self, request: Request) -> Response:
        job = self._import(request)
        if request.method == "PATCH":
            body = await read_object(request)
            if body.get("status", body.get("state")) != "Ready" or job.state != "Open":
                raise PardotFault(71, f"an import that is {job.state} can only be made Ready while Open")
            job.state, job.ready_at = "Waiting", self.unit.now() + int(self.unit.settings.job_s)
        elif job.state == "Waiting" and self.unit.now() >= job.ready_at:
            self._run(job)
        return JSONResponse(_told_import(job))

    async def import_errors(self, request: Request) -> Response:
        job = self._import(request)
        names = sorted({name for row in job.errors for name in row})
        return Response(_csv(names, job.errors), media_type="text/csv")

    async def make_export(self, request: Request) -> Response:
        body = await read_object(request)
        kind, names = EXPORTED.get(str(body.get("object")), ""), body.get("fields") or []
        if not kind or not isinstance(names, list) or not 1 <= len(names) <= MOST_FIELDS:
            raise PardotFault(71, f"object is one of {', '.join(EXPORTED)}, with 1 to {MOST_FIELDS} fields")
        check_fields(self.unit, KINDS[kind], names)
        procedure, now = body.get("procedure") or {}, self.unit.now()
        _bounds(procedure, now)
        job = Export(len(self.exports) + 1, kind, names, procedure, now + int(self.unit.settings.job_s), now)
        self.exports[job.id] = job
        return JSONResponse(self._told_export(job, request), status_code=201)

    async def one_export(self, request: Request) -> Response:
        job = self._export(request)
        if job.rows is None and self.unit.now() >= job.ready_at:
            name, low, high = _bounds(job.procedure, job.made_at)
            some = [each for each in self.unit.records[job.kind].values() if low <= (each.get(name) or 0) <= high]
            deleted = (job.procedure.get("arguments") or {}).get("deleted", "false")
            job.rows = [each for each in some if deleted == "all" or bool(each.get("isDeleted")) is (deleted == "true")]
        return JSONResponse(self._told_export(job, request))

    async def result(self, request: Request) -> Response:
        job = self._export(request)
        start = request.path_params["number"] * ROWS_OF_A_FILE
        rows = [rendered(self.unit, KINDS[job.kind], each, job.fields) for each in (job.rows or [])[start : start + ROWS_OF_A_FILE]]  # noqa: E501 # fmt: skip
        return Response(_csv(job.fields, rows), media_type="text/csv")

    def _add(self, job: Import, text: str) -> None:
        if job.state != "Open" or job.batches >= MOST_BATCHES:
            raise PardotFault(71, f"the import is {job.state} with {job.batches} batches")
        reader = csv.DictReader(io.StringIO(text))
        columns = list(reader.fieldnames or ())
        known = set(self.unit.fields(KINDS["prospects"])) | set(MATCHES)
        if len([each for each in columns if each in MATCHES]) != 1 or set(columns) - known:
            raise PardotFault(130, f"exactly one of {', '.join(MATCHES)}, and fields of a prospect")
        job.rows += list(reader)
        job.batches += 1

    def _run(self, job: Import) -> None:
        writer, job.state = Writer(self.unit), "Complete"
        for row in job.rows:
            try:
                self._write(writer, job, dict(row))
            except PardotFault as fault:
                job.errors.append({**row, "errorMessage": fault.message, "errorCode": str(fault.code)})

    def _write(self, writer: Writer, job: Import, row: dict[str, str]) -> None:
        match = next(name for name in MATCHES if name in row)
        key = row.pop(match)
        blanks = job.options.get("nullOverwrite", True)  # an empty cell blanks the field unless it is told not to
        values = {name: value or None for name, value in row.items() if value or blanks}
        records = self.unit.records["prospects"]
        if match == "matchEmail":
            found = self.unit.of_email(key)
            if not found and job.options.get("restoreDeleted"):
                found = [writer.undelete(each) for each in self.unit.of_email(key, deleted=True)[:1]]
        elif match == "matchId":
            found = [records[int(key)]] if key.isdigit() and int(key) in records else []
        else:
            found = [each for each in records.values() if each.get("salesforceId") == key and not each.get("isDeleted")]
        if found:
            writer.update(found[0], values)
            job.updated += 1
        elif match == "matchEmail" and job.options.get("createOnNoMatch"):
            writer.create({"email": key, **values})
            job.created += 1
        else:
            raise PardotFault(109, key)

    def _told_export(self, job: Export, request: Request) -> dict[str, Any]:
        base = f"{str(request.base_url).rstrip('/')}/api/v5/exports/{job.id}/results"
        files = range((len(job.rows) - 1) // ROWS_OF_A_FILE + 1) if job.rows else ()
        state = "Waiting" if job.rows is None else "Complete"
        return {"id": job.id, "state": state, "resultRefs": [f"{base}/{number}" for number in files]}

    def _import(self, request: Request) -> Import:
        job = self.imports.get(request.path_params["id"])
        if job is None:
            raise not_found("import")
        return job

    def _export(self, request: Request) -> Export:
        job = self.exports.get(request.path_params["id"])
        if job is None:
            raise not_found("export")
        return job


def _bounds(procedure: dict[str, Any], now: int) -> tuple[str, int, int]:
    """(stamp, from, to) of `filter_by_updated_at` and its like."""
    names = {"filter_by_updated_at": "updatedAt", "filter_by_created_at": "createdAt"}
    stamp, arguments = names.get(str(procedure.get("name"))), procedure.get("arguments") or {}
    if stamp is None:
        raise PardotFault(71, f"procedure is one of {', '.join(names)}")
    what = stamp.removesuffix("At")
    low = parse_stamp(str(arguments.get(f"{what}_after") or arguments.get(f"{stamp}AfterOrEqualTo") or ""))
    end = arguments.get(f"{what}_before") or arguments.get(f"{stamp}BeforeOrEqualTo")
    high = parse_stamp(str(end)) if end else now
    if high - low > YEAR_S:
        raise PardotFault(71, "an export spans a year at most")
    return stamp, low, high


def _options(part: object) -> dict[str, Any]:
    try:
        options = json.loads(str(part))
    except ValueError as error:
        raise PardotFault(71, "the part `input` is not JSON") from error
    if not isinstance(options, dict):
        raise PardotFault(71, "the part `input` is no object")
    return options


async def _text(file: object) -> str:
    if isinstance(file, UploadFile):
        return (await file.read()).decode("utf-8-sig")
    if isinstance(file, str):
        return file
    raise PardotFault(71, "the part `file` is missing")


def _told_import(job: Import) -> dict[str, Any]:
    counts = {"createdCount": job.created, "updatedCount": job.updated, "errorCount": len(job.errors)}
    return {"id": job.id, "status": job.state, "state": job.state, "batchesCount": job.batches, **counts}


def _csv(names: list[str], rows: list[Any]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
