"""A bare client of the Salesforce stand-in for its own tests: nothing retried, nothing hidden."""

import csv
import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from simple_salesforce.bulk2 import SFBulk2Handler

VERSION = "62.0"
ENDED = ("JobComplete", "Failed", "Aborted")


class OrgClient:
    """One signed-in user of an org at `url`."""

    def __init__(self, url: str, *, consumer_key: str, consumer_secret: str) -> None:
        self.url = url
        self._app = {"client_id": consumer_key, "client_secret": consumer_secret, "grant_type": "client_credentials"}
        self.http = httpx.Client(base_url=url, timeout=30)
        self.base = f"/services/data/v{VERSION}"
        self.sign_in()

    def sign_in(self) -> None:
        self.token = httpx.post(f"{self.url}/services/oauth2/token", data=self._app).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """A call below /services/data/v62.0."""
        return self.http.request(method, f"{self.base}/{path}", **more)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the control API, which must succeed."""
        answer = self.http.request(method, f"/__sandbox__/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def create(self, object_name: str, **values: Any) -> str:
        answer = self.call("POST", f"sobjects/{object_name}", json=values)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def row(self, object_name: str, record_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"sobjects/{object_name}/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def query(self, soql: str, resource: str = "query") -> list[dict[str, Any]]:
        page = self.call("GET", resource, params={"q": soql}).json()
        records = list(page["records"])
        while not page["done"]:
            page = self.http.get(page["nextRecordsUrl"]).json()
            records += page["records"]
        return records

    def start_query(self, soql: str, **more: Any) -> dict[str, Any]:
        answer = self.call("POST", "jobs/query", json={"operation": "query", "query": soql, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def finished(self, job: dict[str, Any], kind: str = "query") -> dict[str, Any]:
        """The job once it has ended, however it did."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            state = self.call("GET", f"jobs/{kind}/{job['id']}").json()
            if state["state"] in ENDED:
                return dict(state)
            time.sleep(0.02)
        raise AssertionError(f"job {job['id']} did not end")

    def queried(self, soql: str, **more: Any) -> dict[str, Any]:
        job = self.finished(self.start_query(soql, **more))
        assert job["state"] == "JobComplete", job
        return job

    def page(self, job: dict[str, Any], **params: Any) -> httpx.Response:
        answer = self.call("GET", f"jobs/query/{job['id']}/results", params=params)
        assert answer.status_code == 200, answer.text
        return answer

    def pages(self, job: dict[str, Any], **params: Any) -> Iterator[httpx.Response]:
        """Every result set, by locator."""
        page = self.page(job, **params)
        yield page
        while page.headers["Sforce-Locator"] != "null":
            page = self.page(job, locator=page.headers["Sforce-Locator"], **params)
            yield page

    def load(self, object_name: str, operation: str, rows: Sequence[dict[str, str]], **more: Any) -> dict[str, Any]:
        """An ingest job with these rows, carried out."""
        return self.load_text(object_name, operation, csv_text(rows), **more)

    def load_text(self, object_name: str, operation: str, text: str, **more: Any) -> dict[str, Any]:
        asked = {"object": object_name, "operation": operation, "contentType": "CSV", **more}
        created = self.call("POST", "jobs/ingest", json=asked)
        assert created.status_code == 200, created.text
        job = created.json()
        sent = self.http.put(f"/{job['contentUrl']}", content=text.encode(), headers={"Content-Type": "text/csv"})
        assert sent.status_code == 201, sent.text
        assert self.call("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"}).status_code == 200
        return self.finished(job, "ingest")

    def outcome(self, job: dict[str, Any], which: str) -> list[dict[str, str]]:
        """One of the three result files, parsed."""
        answer = self.call("GET", f"jobs/ingest/{job['id']}/{which}")
        assert answer.status_code == 200, answer.text
        return parsed(answer.text)

    @contextmanager
    def settings(self, **bulk: Any) -> Iterator[None]:
        """Other Bulk settings for a while."""
        before = self.control("GET", "settings")["bulk"]
        self.control("POST", "settings", {"bulk": bulk})
        try:
            yield
        finally:
            self.control("POST", "settings", {"bulk": before})

    @property
    def bulk2(self) -> SFBulk2Handler:
        """The same org through simple-salesforce, a client that is not ours."""
        return SFBulk2Handler(self.token, f"{self.url}{self.base}/jobs/")


def csv_text(rows: Sequence[dict[str, str]], line_ending: str = "\n") -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator=line_ending)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parsed(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
