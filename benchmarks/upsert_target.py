"""
A target that answers at once: what an upsert then takes is the client's own time, and not an org's.

`python -m benchmarks.upsert_target --ready FILE` serves describe, and Bulk API 2.0 ingest jobs that are complete as
soon as they are started, with a result row for every row that came. `GET /told` gives the calls and rows it has
counted, `DELETE /told` forgets them.
"""

from __future__ import annotations

import argparse
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

FIELDS = {"Id": "id", "ERP_Customer__c": "string", "Name": "string", "Industry": "string", "Website": "url",
          "NumberOfEmployees": "int", "SystemModstamp": "datetime", "IsDeleted": "boolean"}  # fmt: skip
JOB = re.compile(r"/jobs/ingest/(?P<id>\w+)(?:/(?P<part>\w+))?/?$")


class Target:
    """Jobs by id: what was uploaded, how many rows it holds, what its result file says."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.numbers = count(1)
        self.calls = 0

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        job_id = f"750{next(self.numbers):012d}AAA"
        self.jobs[job_id] = {"id": job_id, "state": "Open", "object": asked["object"], "operation": asked["operation"]}
        self.jobs[job_id] |= {"numberRecordsProcessed": 0, "numberRecordsFailed": 0}
        return self.jobs[job_id]

    def upload(self, job_id: str, body: bytes) -> None:
        header, *rows = body.rstrip(b"\n").split(b"\n")
        job = self.jobs[job_id]
        job["numberRecordsProcessed"] = len(rows)
        told = [b'"001%012dAAA","false",%b' % (number, row) for number, row in enumerate(rows)]
        job["results"] = b"\n".join([b'"sf__Id","sf__Created",' + header, *told, b""])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = Target()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/told":
            self._answer({"calls": self.target.calls, "rows": sum(_rows(job) for job in self.target.jobs.values())})
            return
        self.target.calls += 1
        if path.endswith("/describe"):
            fields = [_field(name, kind) for name, kind in FIELDS.items()]
            self._answer({"name": "Account", "keyPrefix": "001", "fields": fields})
        elif found := JOB.search(path):
            job = self.target.jobs[found["id"]]
            if found["part"]:
                self._send(job["results"] if found["part"] == "successfulResults" else b"", "text/csv")
            else:
                self._answer({name: value for name, value in job.items() if name != "results"})
        else:
            self._answer([{"version": "62.0"}])

    def do_POST(self) -> None:
        self.target.calls += 1
        self._answer(self.target.create(json.loads(self._body())))

    def do_PUT(self) -> None:
        self.target.calls += 1
        found = JOB.search(self.path)
        assert found is not None
        self.target.upload(found["id"], self._body())
        self._send(b"", "text/plain", status=201)

    def do_PATCH(self) -> None:
        self.target.calls += 1
        found = JOB.search(self.path)
        assert found is not None
        self._body()
        self.target.jobs[found["id"]]["state"] = "JobComplete"
        self._answer({"id": found["id"], "state": "UploadComplete"})

    def do_DELETE(self) -> None:
        self.target.calls = 0
        self.target.jobs.clear()
        self._answer({})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 - as http.server has it
        return

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, data: Any) -> None:
        self._send(json.dumps(data).encode(), "application/json")

    def _send(self, body: bytes, kind: str, *, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _rows(job: dict[str, Any]) -> int:
    return int(job["numberRecordsProcessed"]) if job["state"] == "JobComplete" else 0


def _field(name: str, kind: str) -> dict[str, Any]:
    is_key = name == "ERP_Customer__c"
    return {"name": name, "type": kind, "length": 255, "createable": True, "updateable": True, "externalId": is_key}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ready", type=Path, required=True, help="where to write the URL")
    chosen = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    chosen.ready.write_text(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()


if __name__ == "__main__":
    main()
