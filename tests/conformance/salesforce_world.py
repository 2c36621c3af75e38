"""The Salesforce stand-in as the world of the source suite, with the trouble it can make."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from crm_patterns.clients.retrying import Patience
from crm_patterns.clients.salesforce.client import SalesforceClient
from crm_patterns.clients.salesforce.key_questions import BULK_KEYS_ABOVE
from crm_patterns.clients.salesforce.results import PageOptions
from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
from crm_patterns.core.keys import NO_KEYS, KeyRing
from tests.sandbox_process import SandboxProcess

PAGE_ROWS = 80
REST_PAGE_ROWS = 200
RESULTS = r"/jobs/query/[^/]+/results\?"
SHORT_PATIENCE = Patience(limit_s=2.0, unreachable_limit_s=0.2, first_wait_s=0.02, longest_wait_s=0.1)


class SalesforceWorld:
    """One running org. `credentials` as the stand-in wrote them."""

    object_name = "Opportunity"
    misspelt_name = "Oportunity"
    refused_name: str | None = "TaskStatus"
    unknown_key = "006000000000000AAA"
    text_field = "Description"
    money_field = "Amount"

    def __init__(self, process: SandboxProcess) -> None:
        self._process = process
        self.url = process.url
        self._http = process.client()
        self.credentials = process.credentials
        self.control("POST", "settings", {"bulk": {"page_rows": PAGE_ROWS}, "reading": {"page_rows": REST_PAGE_ROWS}})

    # --- ways in ------------------------------------------------------------------------------------------------------

    def connect(self) -> SalesforceClient:
        return self.client()

    def client(
        self,
        pages: PageOptions | None = None,
        *,
        bulk_keys_above: int = BULK_KEYS_ABOVE,
        hash_keys: KeyRing = NO_KEYS,
        **changes: Any,
    ) -> SalesforceClient:
        """A client by client credentials; `changes` to its connection."""
        settings = {
            "login_url": self.url,
            "consumer_key": self.credentials["consumer_key"],
            "consumer_secret": self.credentials["consumer_secret"],
            **changes,
        }
        return SalesforceClient(
            SalesforceConnection(**settings),
            pages=pages or PageOptions(rows=PAGE_ROWS),
            hash_keys=hash_keys,
            patience=SHORT_PATIENCE,
            bulk_keys_above=bulk_keys_above,
        )

    def connect_as_stranger(self) -> SalesforceClient:
        return self.client(consumer_secret="wrong-secret")

    def connect_nowhere(self) -> SalesforceClient:
        return self.client(login_url="http://127.0.0.1:9")

    # --- records ------------------------------------------------------------------------------------------------------

    def add(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        complete = [
            {
                "attributes": {"type": self.object_name},
                "Name": "made by a test",
                "StageName": "Prospecting",
                "CloseDate": "2026-03-31",
                **record,
            }
            for record in records
        ]
        answers = self.rest("POST", "composite/sobjects", {"allOrNone": True, "records": complete})
        assert all(answer["success"] for answer in answers), answers
        return [answer["id"] for answer in answers]

    def delete(self, keys: Iterable[str]) -> None:
        answers = self.rest("DELETE", f"composite/sobjects?ids={','.join(keys)}")
        assert all(answer["success"] for answer in answers), answers

    def purge(self, keys: Iterable[str]) -> None:
        self.control("POST", "hard_delete", {"ids": list(keys)})

    def truth(self) -> int:
        held = self.control("GET", f"truth?objects={self.object_name}")[self.object_name]
        return int(held["records"] + held["deleted"])

    # --- trouble ------------------------------------------------------------------------------------------------------

    def expire_session_after(self, pages: int) -> None:
        self.fault(preset="session_expired", path=RESULTS, skip=pages)

    def truncate_page(self, number: int) -> None:
        self.fault(kind="truncate", path=RESULTS, skip=number, after_bytes=5000)

    def reset_page(self, number: int) -> None:
        self.fault(kind="reset", path=RESULTS, skip=number, after_bytes=5000)

    def storm(self, answers: int) -> None:
        self.fault(preset="unavailable_html", path="^/services/data", count=answers)

    def spend_quota(self) -> None:
        self.control("POST", "limits", {"name": "DailyApiRequests", "remaining": 0})

    def spend_bulk_quota(self) -> None:
        self.control("POST", "limits", {"name": "DailyBulkV2QueryJobs", "remaining": 0})

    def hide_field(self, name: str) -> None:
        self.control("POST", "fields", {"action": "hide", "object": self.object_name, "field": name})

    def lie_about_the_count(self, number: int, *, also_later: bool = False) -> None:
        """The next look at Account, not its first, is told this number of rows; `also_later` each COUNT() too."""
        described = self.rest("GET", "sobjects/Account/describe")
        counted = {"totalSize": number, "done": True, "records": []}
        found = {"totalSize": 1, "done": True, "records": [{"Id": "001000000000000AAA"}]}
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:00.000+0000")
        deleted = {"deletedRecords": [], "earliestDateAvailable": moment, "latestDateCovered": moment}
        results = [{"statusCode": 200, "result": result} for result in (described, counted, found, deleted)]
        body = json.dumps({"hasErrors": False, "results": results})
        json_type = {"Content-Type": "application/json"}
        self.fault(kind="status", status=200, path="composite/batch", body=body, headers=json_type)
        if also_later:
            self.fault(kind="status", status=200, path="COUNT", body=json.dumps(counted), headers=json_type, count=None)

    def expire_tokens(self) -> None:
        self.control("POST", "expire_tokens")

    def fault(self, **fault: Any) -> None:
        self.control("POST", "faults", fault)

    def calm(self) -> None:
        self.control("DELETE", "faults")
        self.control("DELETE", "limits")
        self.control("POST", "fields", {"action": "show", "object": self.object_name, "field": self.text_field})

    # --- its own word -------------------------------------------------------------------------------------------------

    def calls(self) -> int:
        return len(self.journal("^/services/data"))

    def journal(self, path: str) -> list[dict[str, Any]]:
        """Requests whose path matches, oldest first."""
        found: list[dict[str, Any]] = self.control("GET", f"requests?limit=100000&path={path}")["requests"]
        return found

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"/__sandbox__/{path}", json=body).raise_for_status()
        return answer.json() if answer.content else None

    def token(self) -> str:
        """A session of its own, opened without the client under test."""
        return self._process.token()

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """A call to the data API beside the client under test; decimals are sent exactly."""
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        content = exact_json(body) if body is not None else None
        answer = self._http.request(method, f"/services/data/v62.0/{path}", content=content, headers=headers)
        return answer.raise_for_status().json()


def exact_json(body: Any) -> bytes:
    """JSON whose decimals are numbers with all their digits."""
    marked = json.dumps(body, default=lambda value: f"\0{value}\0" if isinstance(value, Decimal) else str(value))
    return re.sub(r'"\\u0000([-0-9.E+]+)\\u0000"', r"\1", marked).encode()
