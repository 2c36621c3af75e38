"""
Extract and Parquet of one million opportunities: the product against what could be had instead, in one run.

`PYTHONPATH=plugins:. python -m benchmarks.extract_bulk [--rows 1000000] [--rounds 3]` starts a sandbox, makes one bulk
job that all the contenders read, lets them take turns (A B C, A B C, …), and judges medians as ratios. Reading begins
with the finished job: how long a server takes to run a query is not the client's doing. One reading of its own has a
small job made, waited for and staged: what the client adds where the server is quick. Results: `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.bars import Bar, machine, table
from benchmarks.extract_contenders import PAGE_ROWS, Job
from benchmarks.org import Org, running_org
from benchmarks.processes import Reading, measure
from benchmarks.tls_front import tls_before

RESULTS = Path(__file__).resolve().parent / "results"
CONTENDERS = ("limit", "product", "product_gzip", "product_tls", "simple")
SMALL_ROWS = 100_000
FIELDS = (
    "AccountId", "Name", "StageName", "Amount", "Probability", "ExpectedRevenue", "TotalOpportunityQuantity",
    "CloseDate", "Type", "NextStep", "LeadSource", "IsClosed", "IsWon", "ForecastCategory", "OwnerId", "CreatedDate",
    "LastModifiedDate",
)  # fmt: skip
"""With Id, SystemModstamp and IsDeleted, which always come: twenty columns."""


def run_once(contender: str, job: Job, rows: int | None, *, trusting: str = "") -> Reading:
    """One contender in a process of its own; its rows are held against the job's. `trusting`: a file of authorities."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        described = Path(folder) / "job.json"
        described.write_text(json.dumps(asdict(job)))
        module = "benchmarks.extract_contenders"
        reading = measure(
            [sys.executable, "-m", module, contender, "--job", str(described), "--out", folder],
            env={"PYTHONPATH": "plugins:.", **({"SSL_CERT_FILE": trusting} if trusting else {})},
        )
    if rows is not None and reading.said["rows"] != rows:
        raise RuntimeError(f"{contender} read {reading.said['rows']:,} rows of {rows:,}.")
    return reading


def judge(large: dict[str, Reading], small: Reading, delay_s: float, pages: int) -> list[Bar]:
    """The medians against the bars."""
    limit, product, zipped, tls, simple = (large[name] for name in CONTENDERS)
    return [
        Bar("rows/s against the limit pipeline", limit.wall_s / product.wall_s, 0.7, at_least=True),
        Bar("CPU against the limit pipeline", product.cpu_s / limit.cpu_s, 1.4, at_least=False),
        Bar("rows/s against simple-salesforce + pandas", simple.wall_s / product.wall_s, 2.2, at_least=True),
        Bar("the same with gzip on both sides", simple.wall_s / zipped.wall_s, 2.2, at_least=True),
        Bar("CPU against simple-salesforce + pandas", product.cpu_s / simple.cpu_s, 0.5, at_least=False),
        Bar("peak memory, MiB", product.rss_mib, 300, at_least=False),
        Bar("peak memory against simple-salesforce + pandas", product.rss_mib / simple.rss_mib, 0.4, at_least=False),
        Bar("growth of peak memory from 100 k rows, MiB", product.rss_mib - small.rss_mib, 64, at_least=False),
        Bar("calls beyond the pages", product.said["calls"] - pages, 5, at_least=False),
        Bar("CPU with gzip against without", zipped.cpu_s / product.cpu_s, 1.6, at_least=False),
        Bar("CPU over TLS against without", tls.cpu_s / product.cpu_s, 1.25, at_least=False),
        Bar("from the step's first call to the staged rows of a job that is ready at once, s", delay_s, 1.5,
            at_least=False),
    ]  # fmt: skip


def median(readings: Sequence[Reading]) -> Reading:
    """Each figure's own median; what was said is the same in all."""
    wall, cpu, rss = (
        statistics.median(getattr(reading, name) for reading in readings) for name in ("wall_s", "cpu_s", "rss_mib")
    )
    return Reading(wall, cpu, rss, readings[0].said)


def report(large: dict[str, list[Reading]], small: Reading, rows: int, bars: list[Bar]) -> str:
    """The page that is kept, as Markdown."""
    lines = [
        f"# Extract of {rows:,} opportunities × {len(FIELDS) + 3} columns to Parquet",
        "",
        f"Medians of {len(large['limit'])} rounds in turn, whole processes. "
        f"{machine('pyarrow', 'pandas', 'simple-salesforce')}",
        "",
        "| contender | wall s | rows/s | CPU s | peak MiB | calls | all wall s |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for name, readings in [*large.items(), (f"product, {SMALL_ROWS:,} rows", [small])]:
        m, read = median(readings), readings[0].said
        walls = " ".join(f"{reading.wall_s:.2f}" for reading in readings)
        lines.append(
            f"| {name} | {m.wall_s:.2f} | {read['rows'] / m.wall_s:,.0f} | {m.cpu_s:.2f} | {m.rss_mib:.0f} "
            f"| {read['calls']} | {walls} |"
        )
    lines += ["", *table(bars)]
    return "\n".join(lines) + "\n"


def compare(org: Org, *, rows: int, rounds: int) -> tuple[str, list[Bar], dict[str, list[Reading]]]:
    """All contenders in turn on one job."""
    job, small_job = org.finished_job(FIELDS), org.finished_job(FIELDS, limit=min(rows, SMALL_ROWS))
    small_rows = min(rows, SMALL_ROWS)
    run_once("product", small_job, small_rows)  # what is read first warms the disk cache for the others
    run_once("product_gzip", job, rows)  # and lets the server compress its pages once
    large: dict[str, list[Reading]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder, tls_before(job.url, Path(folder)) as (url, bundle):
        for turn in range(rounds):
            for name in CONTENDERS:
                is_tls = name == "product_tls"
                asked = replace(job, url=url) if is_tls else job
                large[name].append(run_once(name, asked, rows, trusting=bundle if is_tls else ""))
                print(f"round {turn + 1}: {name}: {large[name][-1].wall_s:.2f} s", flush=True)
    small = median([run_once("product", small_job, small_rows) for _ in range(rounds)])
    delays = [run_once("ready_job", job, None).said["seconds"] for _ in range(rounds)]
    bars = judge(
        {name: median(readings) for name, readings in large.items()}, small, statistics.median(delays),
        -(-rows // PAGE_ROWS),
    )  # fmt: skip
    return report(large, small, rows, bars), bars, large


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with running_org(chosen.rows) as org:
        page, bars, readings = compare(org, rows=org.rows, rounds=chosen.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "extract_bulk.md").write_text(page)
    kept = {
        "readings": {name: [asdict(reading) for reading in taken] for name, taken in readings.items()},
        "bars": [{**asdict(bar), "holds": bar.holds} for bar in bars],
    }
    (RESULTS / "extract_bulk.json").write_text(json.dumps(kept, indent=1) + "\n")
    print(page)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
