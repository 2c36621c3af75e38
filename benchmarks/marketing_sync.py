"""
A hundred thousand linked people of which one in a hundred changed: calls per 1,000 changes, records/s, memory.

`PYTHONPATH=plugins:. python -m benchmarks.marketing_sync [--people 100000]`. Both sides' edits are half of the changes
each. Calls are counted by the sandboxes; only ratios within one run mean anything. Results: `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from benchmarks.bars import Bar, machine, table
from benchmarks.processes import Reading, measure
from benchmarks.sync_contenders import MOMENT, Job, open_state
from tests.sandbox_process import SandboxProcess

RESULTS = Path(__file__).resolve().parent / "results"
PEOPLE, CHANGED = 100_000, 100
AT_ONCE = 200


@dataclass
class Both:
    """An org and an account that hold the same people, linked, since yesterday."""

    org: SandboxProcess
    account: SandboxProcess
    folder: Path
    people: int
    rounds: int = 0

    def __post_init__(self) -> None:
        self._http = self.org.client()
        token = {"Authorization": f"Bearer {self.account.credentials['access_token']}"}
        self._platform = httpx.Client(base_url=self.account.url, headers=token, timeout=60)
        lifted = {"burst": 10_000_000, "search_per_second": 1_000_000, "daily": 100_000_000}
        self.account.control("POST", "limits", lifted)
        self.account.control("POST", "settings", {"index_lag_s": 0.0})
        self.org.control("POST", "limits", {"name": "DailyApiRequests", "max": 10_000_000})
        self.folder.mkdir()
        open_state(self.folder).close()
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.org.control("POST", "clock", {"at": yesterday.isoformat()})
        self.leads = [i for start in range(0, self.people, AT_ONCE) for i in self._lead(start)]
        self.org.control("POST", "clock", {})
        self.contacts = self._contacts(yesterday)

    def edit(self) -> int:
        """One record in `CHANGED`, half of them on either side; the number of edits."""
        self.rounds += 1
        number = max(2, self.people // CHANGED)
        here, there = self.leads[: number // 2], self.contacts[number // 2 : number]
        title = f"Title {self.rounds}"
        for start in range(0, len(here), AT_ONCE):
            some = [{"attributes": {"type": "Lead"}, "id": i, "Title": title} for i in here[start : start + AT_ONCE]]
            self._send("PATCH", some)
        for start in range(0, len(there), 100):
            inputs = [{"id": i, "properties": {"jobtitle": title}} for i in there[start : start + 100]]
            self._platform.post("/crm/v3/objects/contacts/batch/update", json={"inputs": inputs}).raise_for_status()
        return number

    def run(self, contender: str, *, since: datetime) -> tuple[Reading, int]:
        """What the contender's process cost, and its calls as both systems counted them."""
        self.rounds += 1
        for process in (self.org, self.account):
            process.control("DELETE", "requests")
        known, token = self.org.credentials, self.account.credentials["access_token"]
        job = Job(
            known, self.org.url, self.account.url, token, str(self.folder), f"run {self.rounds}", since.strftime(MOMENT)
        )
        described = self.folder / "job.json"
        described.write_text(json.dumps(asdict(job)))
        command = [sys.executable, "-m", "benchmarks.sync_contenders", contender, "--job", str(described)]
        reading = measure(command, env={"PYTHONPATH": "plugins:."})
        calls = sum(
            len(process.control("GET", f"requests?limit=1000000&path={path}")["requests"])
            for process, path in ((self.org, "^/services/data"), (self.account, "^/(crm|account|communication)"))
        )
        print(f"{contender}, {self.people:,} people: {reading.said}, {calls} calls", flush=True)
        return reading, calls

    def _lead(self, start: int) -> list[str]:
        numbers = range(start, min(start + AT_ONCE, self.people))
        values = {"LastName": "Doe", "Company": "Acme", "Title": "Title 0", "Status": "Open - Not Contacted"}
        some = [{"attributes": {"type": "Lead"}, "Email": f"p{n}@bench.example", **values} for n in numbers]
        return [answer["id"] for answer in self._send("POST", some)]

    def _send(self, method: str, some: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        path, body = "/services/data/v62.0/composite/sobjects", {"allOrNone": True, "records": some}
        answers: list[dict[str, Any]] = self._http.request(method, path, json=body).raise_for_status().json()
        assert all(answer["success"] for answer in answers), answers[0]
        return answers

    def _contacts(self, at: datetime) -> list[str]:
        values = {"lastname": "Doe", "jobtitle": "Title 0", "hs_lead_status": "NEW"}
        people = [
            {"email": f"p{n}@bench.example", "sf_record_id_18": lead, **values} for n, lead in enumerate(self.leads)
        ]
        ids: list[str] = []
        for start in range(0, len(people), 5_000):
            body = {"object": "contacts", "records": people[start : start + 5_000], "at": at.isoformat()}
            ids += self.account.control("POST", "records", body)["ids"]
        return ids


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one size: `first` links everybody, `product` and `simple` carry the same number of changes."""

    people: int
    changes: int
    first: Reading
    product: Reading
    product_calls: int
    simple: Reading | None = None
    simple_calls: int = 0


def measured(folder: Path, people: int, *, with_simple: bool) -> Measured:
    """The product's watermark is that of its first run; `simple` looks since right before the edits."""
    with SandboxProcess(size=1, only="Lead,User") as org, SandboxProcess("hubspot", size=1) as account:
        both = Both(org, account, folder, people)
        began = datetime.now(UTC)
        first, _ = both.run("product", since=began)
        changes = both.edit()
        product, product_calls = both.run("product", since=began)
        if product.said["written"] != changes or product.said["lost"]:
            raise RuntimeError(f"The product wrote {product.said} of {changes} changes.")
        if not with_simple:
            return Measured(people, changes, first, product, product_calls)
        time.sleep(1.1)  # moments count in seconds
        began = datetime.now(UTC)
        both.edit()
        simple, simple_calls = both.run("simple", since=began)
        if simple.said["written"] != changes:
            raise RuntimeError(f"The script wrote {simple.said} of {changes} changes.")
    return Measured(people, changes, first, product, product_calls, simple, simple_calls)


def _row(name: str, reading: Reading, calls: int, changes: int) -> str:
    rate, cost = changes / reading.said["s"], 1000 * calls / changes
    return f"| {name} | {calls:,} | {cost:,.1f} | {rate:,.0f} | {reading.cpu_s:.2f} | {reading.rss_mib:.0f} |"


def page(small: Measured, large: Measured) -> tuple[str, list[Bar]]:
    assert large.simple is not None
    per_1000 = 1000 * large.product_calls / large.changes
    simple_per_1000 = 1000 * large.simple_calls / large.changes
    rates = [large.changes / reading.said["s"] for reading in (large.product, large.simple)]
    bars = [
        Bar("calls against the script", per_1000 / simple_per_1000, 0.1, at_least=False),
        Bar("records/s against the script", rates[0] / rates[1], 1.0, at_least=True),
        Bar("growth of peak memory with ten times the people, MiB", large.product.rss_mib - small.product.rss_mib, 64,
            at_least=False),
    ]  # fmt: skip
    told = f"{large.people:,} linked people, {large.changes:,} changes, half on either side."
    first = large.first
    lines = [
        "# Marketing sync",
        "",
        f"{told} {machine('simple-salesforce')}",
        "",
        "| contender | calls | calls per 1,000 changes | records/s | CPU s | peak MiB |",
        "|---|--:|--:|--:|--:|--:|",
        _row("product", large.product, large.product_calls, large.changes),
        _row("script", large.simple, large.simple_calls, large.changes),
        "",
        f"Linking all of them in the first run: {first.wall_s:.0f} s, {first.rss_mib:.0f} MiB at most.",
        "",
        *table(bars),
    ]
    return "\n".join(lines) + "\n", bars


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    people = parser.parse_args(arguments).people
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        small = measured(Path(folder) / "small", people // 10, with_simple=False)
        large = measured(Path(folder) / "large", people, with_simple=True)
    text, bars = page(small, large)
    print(text)
    if people == PEOPLE:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "marketing_sync.md").write_text(text)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
