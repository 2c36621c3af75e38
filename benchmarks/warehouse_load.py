"""
One million opportunities into the local warehouse, then a change of 100,000: load, publish, history.

`PYTHONPATH=plugins:. python -m benchmarks.warehouse_load [--rows 1000000]`. The local warehouse is not Snowflake: what
holds for both is that statements do not grow with rows, that the client's memory is flat, and that bulk beats rows by
orders of magnitude. Results: `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.bars import Bar, machine, table
from benchmarks.processes import Reading, measure
from benchmarks.warehouse_contenders import Job
from tests.warehouse_process import warehouse_process

RESULTS = Path(__file__).resolve().parent / "results"
DELTA_ROWS = 100_000
BEGAN, NEXT_DAY = "2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00"


def run_once(contender: str, job: Job) -> Reading:
    """One piece of work in a process of its own."""
    described = Path(job.folder) / "job.json"
    described.write_text(json.dumps(asdict(job)))
    environment = {"PYTHONPATH": "plugins:.", "REQUESTS_CA_BUNDLE": job.server["bundle"]}
    module = "benchmarks.warehouse_contenders"
    reading = measure([sys.executable, "-m", module, contender, "--job", str(described)], env=environment)
    print(f"{contender} of {job.run_id}: {reading.said}", flush=True)
    return reading


def staged(job: Job) -> Job:
    """The job with its stage made, in a process of its own: this one stays as small as what it measures."""
    return replace(job, ref=run_once("stage", job).said["ref"])


def compare(folder: Path, rows: int) -> dict[str, Reading]:
    """The first load, the change of 100,000 (half of them new), and the yardsticks, in one run."""
    data = folder / "warehouse"
    data.mkdir()
    with warehouse_process(data) as server:
        large = staged(Job(server, str(folder), {"first": 0, "rows": rows, "changed_at": BEGAN}, "first"))
        changed = {"first": rows - DELTA_ROWS // 2, "rows": DELTA_ROWS, "changed_at": NEXT_DAY}
        small = staged(Job(server, str(folder), changed, "delta"))
        return {
            "load": run_once("load", large),
            "publish": run_once("publish", large),
            "history": run_once("publish_with_history", large),
            "load_delta": run_once("load", small),
            "publish_delta": run_once("publish_with_history", small),
            "insert_rows": run_once("insert_rows", large),
            "engine_alone": run_once("engine_alone", large),
        }


def judge(taken: dict[str, Reading]) -> list[Bar]:
    load, delta, rows = taken["load"], taken["load_delta"], taken["insert_rows"]
    per_second = load.said["rows"] / load.said["seconds"]
    by_row = rows.said["rows"] / rows.said["seconds"]
    return [
        Bar("load, rows/s against row-wise INSERT", per_second / by_row, 100, at_least=True),
        Bar("statements of a load: 1 M against 100 k rows, beyond one per file",
            load.said["statements"] - delta.said["statements"], 8, at_least=False),
        Bar("peak memory of the loading client, MiB", load.rss_mib, 300, at_least=False),
        Bar("growth of it from 100 k to 1 M rows, MiB", load.rss_mib - delta.rss_mib, 64, at_least=False),
        Bar("growth of the publishing client's, MiB", taken["publish"].rss_mib - taken["publish_delta"].rss_mib, 64,
            at_least=False),
    ]  # fmt: skip


def report(taken: dict[str, Reading], rows: int, bars: list[Bar]) -> str:
    lines = [
        f"# {rows:,} opportunities × 20 columns into the local warehouse, then a change of {DELTA_ROWS:,}",
        "",
        f"One reading each. {machine('pyarrow', 'duckdb', 'snowflake-connector-python')}",
        "",
        "| work | seconds of the work | rows/s | statements | peak MiB of the client |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, reading in taken.items():
        said = reading.said
        lines.append(
            f"| {name} | {said['seconds']:.2f} | {said['rows'] / said['seconds']:,.0f} | {said['statements']} "
            f"| {reading.rss_mib:.0f} |"
        )
    engine = taken["engine_alone"].said
    change = taken["load_delta"].said["seconds"] + taken["publish_delta"].said["seconds"]
    lines += [
        "",
        f"The engine alone, in memory and without checks, took {engine['seconds']:.2f} s to load the files and "
        f"{engine['merge_seconds']:.2f} s to merge the change; the product took {taken['load'].said['seconds']:.2f} s "
        f"to load, and {change:.2f} s to load the change, foresee it, merge it into current and history, and count it.",
        "",
        *table(bars),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="crm-bench-", dir=os.environ.get("TMPDIR")) as folder:
        taken = compare(Path(folder), chosen.rows)
    bars = judge(taken)
    page = report(taken, chosen.rows, bars)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "warehouse_load.md").write_text(page)
    print(page)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
