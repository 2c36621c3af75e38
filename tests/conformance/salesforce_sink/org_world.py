"""The Salesforce stand-in as a target, and a second way in beside the client under test."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce.sink import SalesforceSink
from crm_patterns.clients.salesforce.writing import WriteOptions
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.changes import Action, Change, FieldChange
from crm_patterns.core.values import Value
from tests.conformance.sink_suite import Names
from tests.sandbox_process import SandboxProcess

KEY, SEGMENT = "Platform_Id__c", "Segment__c"
WRITES = ("POST", "PATCH", "PUT", "DELETE")


class OrgWorld:
    """A `SinkWorld` of the org's people: leads and contacts. Waiting costs no time; `waited` remembers it."""

    names = Names(
        system="salesforce",
        object_name="Person",
        text="Title",
        mail="Email",
        key=KEY,
        choice=SEGMENT,
        good_choice="Enterprise",
        bad_choice="Unheard of",
        unknown_id="00Q000000000000EAA",
    )
    merges = tells_deleted = True
    changes_window = timedelta(seconds=1)

    def __init__(self, process: SandboxProcess) -> None:
        self._process = process
        self._http = process.client()
        self.waited: list[float] = []
        for name in ("Lead", "Contact"):
            self.add_field(name, KEY, "string(40) external unique")
            self.add_field(name, SEGMENT, {"is": "picklist(40) restricted", "values": ["Enterprise", "Small"]})

    def add_field(self, object_name: str, name: str, definition: Any) -> None:
        body = {"action": "add", "object": object_name, "field": name, "definition": definition}
        self.control("POST", "fields", body)

    def connection(self, **changes: Any) -> SalesforceConnection:
        known = self._process.credentials
        given = {name: known[name] for name in ("consumer_key", "consumer_secret")}
        return SalesforceConnection(**{"login_url": self._process.url, **given, **changes})

    def client(self, *, limit_s: float = 5.0, **options: Any) -> SalesforceSink:
        patience = Patience(limit_s=limit_s, unreachable_limit_s=1.0, first_wait_s=0.01, sleep=self.wait)
        return SalesforceSink(self.connection(), options=WriteOptions(**options), patience=patience)

    def wait(self, seconds: float) -> None:
        """Remembered; jobs run by the clock on the wall, so that a little is waited indeed."""
        self.waited.append(seconds)
        time.sleep(min(seconds, 0.02))

    # --- as a SinkWorld -----------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        return {"LastName": "Doe", "Company": "Acme", **values}

    def put(
        self, records: Sequence[Mapping[str, Value]], *, at: datetime | None = None, object_name: str = "Lead"
    ) -> list[str]:
        if at is not None:
            self.control("POST", "clock", {"at": at.isoformat()})
        ids: list[str] = []
        for start in range(0, len(records), 200):
            sent = [{"attributes": {"type": object_name}, **record} for record in records[start : start + 200]]
            answers = self.rest("POST", "composite/sobjects", {"allOrNone": True, "records": sent})
            assert all(answer["success"] for answer in answers), answers[0]
            ids += [answer["id"] for answer in answers]
        if at is not None:
            self.control("POST", "clock", {})
        return ids

    def remove(self, ids: Sequence[str]) -> None:
        answers = self.rest("DELETE", f"composite/sobjects?ids={','.join(ids)}")
        assert all(answer["success"] for answer in answers), answers

    def merge(self, winner: str, loser: str) -> None:
        self.control("POST", "merge", {"winner": winner, "losers": [loser]})

    def held(self, record_id: str) -> Mapping[str, Value]:
        """But for what Salesforce keeps itself."""
        moving = {"SystemModstamp", "LastModifiedDate", "LastModifiedById"}
        found = next(row for row in self._rows(record_id[:3]) if row["Id"] == record_id)
        return {name: value for name, value in found.items() if value is not None and name not in moving}

    def holders(self, field_name: str, value: str) -> list[str]:
        rows = [*self._rows("00Q"), *self._rows("003")]
        return [str(row["Id"]) for row in rows if row.get(field_name) == value and row["IsDeleted"] != "true"]

    def lose_answer(self, action: Action) -> None:
        method = {Action.CREATE: "POST", Action.UPDATE: "PATCH", Action.DELETE: "DELETE"}[action]
        self.fault(kind="lost_reply", method=method, path="composite/sobjects$")

    def lock(self, value: str) -> None:
        self.fault(kind="row_failure", field="Title", matches=value, count=None)

    def writes(self) -> int:
        return len([each for each in self.journal("composite/sobjects") if each["method"] in WRITES])

    # --- trouble ------------------------------------------------------------------------------------------------------

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", fault)

    def calm(self) -> None:
        for what in ("faults", "limits", "requests"):
            self.control("DELETE", what)
        self.control("POST", "clock", {})
        self.waited.clear()

    def convert(self, lead: str, account: str | None = None) -> str:
        """The id of the contact that the lead became."""
        return str(self.control("POST", "convert", {"lead": lead, "account": account})["contact"])

    def journal(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", f"requests?limit=100000&path={path}")["requests"]
        return found

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return self._process.control(method, path, body)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"/services/data/v62.0/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def column(self, name: str) -> list[str | None]:
        """A field of all living people."""
        rows = [*self._rows("00Q"), *self._rows("003")]
        return [row.get(name) for row in rows if row["IsDeleted"] != "true"]

    def insert_by_job(self, object_name: str, rows: str, *, slow_s: float) -> None:
        """What another process of the same user has under way."""
        self.fault(kind="job_slow", operation="insert", seconds=slow_s)
        job = self.rest("POST", "jobs/ingest", {"object": object_name, "operation": "insert", "contentType": "CSV"})
        path = f"/services/data/v62.0/jobs/ingest/{job['id']}"
        self._http.put(f"{path}/batches", content=rows, headers={"Content-Type": "text/csv"}).raise_for_status()
        self._http.patch(path, json={"state": "UploadComplete"}).raise_for_status()

    def until(self, holds: Callable[[], bool], *, limit_s: float = 10.0) -> None:
        give_up = time.monotonic() + limit_s
        while not holds():
            assert time.monotonic() < give_up, "it did not come about"
            time.sleep(0.05)

    def _rows(self, prefix: str) -> list[dict[str, str | None]]:
        object_name = {"00Q": "Lead", "003": "Contact"}[prefix]
        rows: list[dict[str, str | None]] = self.control("GET", f"records?object={object_name}")["records"]
        return rows


def create(key: str, object_name: str = "Person", *, lookup: tuple[str, str] | None = None, **values: Value) -> Change:
    return Change("salesforce", object_name, Action.CREATE, key, fields=_fields(values), lookup=lookup)


def update(record_id: str, object_name: str = "Person", *, group: str = "", **values: Value) -> Change:
    return Change("salesforce", object_name, Action.UPDATE, record_id, record_id, fields=_fields(values), group=group)


def _fields(values: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in values.items())
