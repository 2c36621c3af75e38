"""
Ways to bring the results of one finished bulk job to Parquet; each runs in a process of its own.

`limit` is as fast as a single-purpose program of the same libraries gets. `simple` is what people write by hand.
`product` is the package: compressed on the wire or not, over TLS or not, as the job's address says. Libraries are
imported inside the functions: each contender pays for its own and for no others.
"""

from __future__ import annotations

import argparse
import http.client
import json
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONTENDERS = ("limit", "product", "product_gzip", "product_tls", "simple", "ready_job")
PAGE_ROWS = 50_000
ROW_GROUP_ROWS = 128_000


@dataclass(frozen=True, slots=True)
class Job:
    """A finished bulk job, and how to get at it. `contract` is an ObjectContract as JSON."""

    url: str
    token: str
    version: str
    job_id: str
    contract: dict[str, Any]

    @property
    def results_path(self) -> str:
        return f"/services/data/v{self.version}/jobs/query/{self.job_id}/results"


def limit(job: Job, out: Path) -> tuple[int, int]:
    """`http.client` → `pyarrow.csv` typed by describe → Parquet (zstd) in a second thread."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    kinds = {
        "text": pa.string(), "boolean": pa.bool_(), "integer": pa.int64(), "date": pa.date32(),
        "timestamp": pa.timestamp("us", "UTC"),
    }  # fmt: skip
    types = {
        f["name"]: pa.decimal128(f["precision"], f["scale"]) if f["kind"] == "decimal" else kinds[f["kind"]]
        for f in job.contract["fields"]
    }
    groups: queue.Queue[pa.Table | None] = queue.Queue(maxsize=1)

    def encode() -> None:
        with pq.ParquetWriter(out / "limit.parquet", pa.schema(list(types.items())), compression="zstd") as writer:
            while (table := groups.get()) is not None:
                writer.write_table(table)

    encoder = threading.Thread(target=encode)
    encoder.start()
    server = urlsplit(job.url)
    connection = http.client.HTTPConnection(server.hostname or "", server.port)
    locator, rows, calls, gathered = "", 0, 0, []
    while locator != "null":
        path = f"{job.results_path}?maxRecords={PAGE_ROWS}" + (f"&locator={locator}" if locator else "")
        connection.request("GET", path, headers={"Authorization": f"Bearer {job.token}", "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        body = answer.read()
        calls, locator = calls + 1, answer.headers["Sforce-Locator"] or "null"
        reader = pa_csv.open_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=1 << 20),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, true_values=["true"],
                false_values=["false"],
            ),
        )  # fmt: skip
        gathered.extend(reader)
        if sum(batch.num_rows for batch in gathered) >= ROW_GROUP_ROWS - PAGE_ROWS // 2:
            rows += sum(batch.num_rows for batch in gathered)
            groups.put(pa.Table.from_batches(gathered))
            gathered = []
    if gathered:
        rows += sum(batch.num_rows for batch in gathered)
        groups.put(pa.Table.from_batches(gathered))
    groups.put(None)
    encoder.join()
    return rows, calls


def simple(job: Job, out: Path) -> tuple[int, int]:
    """simple-salesforce's own loop over the pages of a job → pandas → Parquet."""
    from io import StringIO

    import pandas as pd
    from simple_salesforce.bulk2 import SFBulk2Handler

    handler = SFBulk2Handler(job.token, f"{job.url}/services/data/v{job.version}/jobs/")
    client = handler.Opportunity._client
    frames, calls, locator = [], 0, "INIT"
    while locator:
        result = client.get_query_results(job.job_id, "" if locator == "INIT" else locator, PAGE_ROWS)
        frames.append(pd.read_csv(StringIO(result["records"])))
        locator, calls = result["locator"], calls + 1
    frame = pd.concat(frames)
    frame.to_parquet(out / "simple.parquet")
    return len(frame), calls


def product(job: Job, out: Path, *, gzip: bool) -> tuple[int, int]:
    """The package: its Salesforce client and its stage."""
    from datetime import UTC, datetime

    from fsspec.implementations.local import LocalFileSystem

    from crm_patterns.clients.salesforce.client import SalesforceClient
    from crm_patterns.clients.salesforce.results import PageOptions
    from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection
    from crm_patterns.core.contracts import ObjectContract
    from crm_patterns.core.staging import ReadEvidence, StageAddress
    from crm_patterns.core.windows import Window, WindowKind
    from crm_patterns.warehouse.stage import ParquetStage

    contract = ObjectContract.from_json(job.contract)
    connection = SalesforceConnection(session_id=job.token, instance_url=job.url, version=job.version)
    client = SalesforceClient(connection, pages=PageOptions(rows=PAGE_ROWS, gzip=gzip))
    now = datetime.now(UTC)
    address = StageAddress("salesforce", contract.object_name, Window(None, now, WindowKind.FULL), "1")
    with ParquetStage(LocalFileSystem(), str(out)).open(address, contract) as writer:
        for page in client.read_job(job.job_id, contract):
            writer.write(page)
        ref = writer.commit(ReadEvidence("bulk", "benchmark", 0, 0, job.job_id, now.isoformat(), 0))
    return ref.rows, client.usage().calls_made


def ready_job(job: Job, out: Path) -> tuple[int, int, float]:
    """
    The extract step of a small object by a bulk job that is ready at once: rows, calls, and seconds from the step's
    first call to the staged rows. Imports and sign-in are over by then.
    """
    import time
    from datetime import timedelta

    from fsspec.implementations.local import LocalFileSystem
    from sqlalchemy import create_engine

    from crm_patterns.clients.salesforce.client import SalesforceClient
    from crm_patterns.clients.salesforce.connection import SalesforceConnection
    from crm_patterns.core.ports import RunKey
    from crm_patterns.core.windows import WindowKind
    from crm_patterns.patterns.warehouse_elt import FieldChoice
    from crm_patterns.state import OperationalState
    from crm_patterns.steps import extract
    from crm_patterns.steps.read_plan import ExtractOrder
    from crm_patterns.warehouse.stage import ParquetStage

    client = SalesforceClient(SalesforceConnection(session_id=job.token, instance_url=job.url, version=job.version))
    state = OperationalState(create_engine(f"sqlite:///{out / 'state.db'}"))
    state.prepare()
    stage, none = ParquetStage(LocalFileSystem(), str(out)), timedelta(0)
    order = ExtractOrder(
        RunKey("benchmark", out.name), "User", FieldChoice(), "bulk", WindowKind.FULL, None, none, none, 0
    )  # fmt: skip
    began = time.perf_counter()
    _, submitted = extract.start(client, state, order)
    assert submitted is not None
    seen = extract.wait_briefly(client, submitted.job_id, grace_s=30)
    ref = extract.read_job_to_stage(client, stage, state, order, submitted, attempt_id="1", seen=seen)
    return ref.rows, client.usage().calls_made, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--job", type=Path, required=True, help="a Job as JSON")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    job = Job(**json.loads(chosen.job.read_text()))
    if chosen.contender == "ready_job":
        rows, calls, seconds = ready_job(job, chosen.out)
        print(json.dumps({"rows": rows, "calls": calls, "seconds": seconds}))
        return
    if chosen.contender == "limit":
        rows, calls = limit(job, chosen.out)
    elif chosen.contender == "simple":
        rows, calls = simple(job, chosen.out)
    else:
        rows, calls = product(job, chosen.out, gzip=chosen.contender == "product_gzip")
    print(json.dumps({"rows": rows, "calls": calls}))


if __name__ == "__main__":
    main()
