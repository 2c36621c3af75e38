"""
Upsert of 100,000 accounts × 5 fields by an external id: the product against simple-salesforce's bulk2, in one run.

`PYTHONPATH=plugins:. python -m benchmarks.salesforce_upsert [--rows 100000] [--rounds 5]`. Twice: at a target that
answers at once (`benchmarks.upsert_target`), where the time is the client's own, contenders in turn, medians; and at a
sandbox org that really writes, where outcomes are held against what the org holds. Results: `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.bars import Bar, machine, table
from benchmarks.processes import Reading, measure
from benchmarks.upsert_contenders import KEY
from tests.sandbox_process import SandboxProcess

RESULTS = Path(__file__).resolve().parent / "results"
CONTENDERS = ("product", "simple", "simple_default")
START_LIMIT_S = 20.0


@contextmanager
def target() -> Iterator[str]:
    """The URL of a target that answers at once."""
    with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
        ready = Path(folder) / "url"
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.upsert_target", "--ready", str(ready)])
        try:
            give_up = time.monotonic() + START_LIMIT_S
            while not (ready.exists() and ready.read_text()):
                if time.monotonic() > give_up or process.poll() is not None:
                    raise RuntimeError("The target did not come up.")
                time.sleep(0.05)
            yield ready.read_text()
        finally:
            process.terminate()
            process.wait()


def run_once(contender: str, url: str, token: str, *, rows: int, turn: int) -> Reading:
    arguments = [contender, "--url", url, "--token", token, "--rows", str(rows), "--turn", str(turn)]
    return measure([sys.executable, "-m", "benchmarks.upsert_contenders", *arguments], env={"PYTHONPATH": "plugins:."})


def at_once(url: str, contender: str, *, rows: int, turn: int) -> Reading:
    """One contender at the target, whose counts of calls and rows are taken instead of its own."""
    httpx.delete(f"{url}/told").raise_for_status()
    reading = run_once(contender, url, "a-token", rows=rows, turn=turn)
    told = httpx.get(f"{url}/told").raise_for_status().json()
    if told["rows"] != rows:
        raise RuntimeError(f"{contender} sent {told['rows']:,} rows of {rows:,}.")
    return Reading(reading.wall_s, reading.cpu_s, reading.rss_mib, {**reading.said, "calls": told["calls"]})


def in_an_org(rows: int) -> dict[str, Reading]:
    """Each contender once at a sandbox org; the first one creates, the others update. What the org holds is checked."""
    found: dict[str, Reading] = {}
    with SandboxProcess(size=10, only="Account,User") as org:
        for turn, contender in enumerate(("product", "simple", "product")):
            org.control("DELETE", "requests")
            reading = run_once(contender, org.url, org.token(), rows=rows, turn=turn)
            calls = len(org.control("GET", "requests?limit=100000&path=^/services/data")["requests"])
            said = {**reading.said, "calls": calls}
            name = f"{contender}, {'updates' if turn else 'creates'}"
            found[name] = Reading(reading.wall_s, reading.cpu_s, reading.rss_mib, said)
            print(f"org: {name}: {said['took_s']:.2f} s, {calls} calls", flush=True)
        held = org.control("GET", "records?object=Account")["records"]
    written = [row for row in held if (row[KEY] or "").startswith("BENCH-") and row["Name"].endswith("turn 2")]
    if len(written) != rows:
        raise RuntimeError(f"The org holds {len(written):,} of {rows:,} rows as they were written last.")
    return found


def judge(quick: dict[str, Reading], org: dict[str, Reading], rows: int) -> list[Bar]:
    product, simple, default = (quick[name].said["took_s"] for name in CONTENDERS)
    most_calls = max(reading.said["calls"] for name, reading in {**quick, **org}.items() if name.startswith("product"))
    known = min(reading.said["outcomes"] for name, reading in {**quick, **org}.items() if name.startswith("product"))
    return [
        Bar("calls per 1,000 records, the most of all runs", 1000 * most_calls / rows, 0.1, at_least=False),
        Bar("share of records whose outcome was read", known / rows, 1, at_least=True),
        Bar("wall against simple-salesforce bulk2, wait ≈ 0", product / simple, 1.5, at_least=False),
        Bar("wall against simple-salesforce bulk2, default", product / default, 0.4, at_least=False),
    ]


def median(readings: Sequence[Reading]) -> Reading:
    wall, cpu, rss = (
        statistics.median(getattr(reading, name) for reading in readings) for name in ("wall_s", "cpu_s", "rss_mib")
    )
    took_s = statistics.median(reading.said["took_s"] for reading in readings)
    return Reading(wall, cpu, rss, {**readings[0].said, "took_s": took_s})


def report(quick: dict[str, list[Reading]], org: dict[str, Reading], rows: int, bars: Sequence[Bar]) -> str:
    """The page that is kept, as Markdown."""
    head = ["| contender | s | records/s | process s | CPU s | peak MiB | calls | outcomes read | all s |",
            "|---|--:|--:|--:|--:|--:|--:|--:|---|"]  # fmt: skip

    def line(name: str, readings: Sequence[Reading]) -> str:
        m = median(readings)
        each = " ".join(f"{reading.said['took_s']:.2f}" for reading in readings)
        took_s = m.said["took_s"]
        return (
            f"| {name} | {took_s:.2f} | {rows / took_s:,.0f} | {m.wall_s:.2f} | {m.cpu_s:.2f} | {m.rss_mib:.0f} "
            f"| {m.said['calls']} | {m.said['outcomes']:,} | {each} |"
        )

    lines = [
        f"# Upsert of {rows:,} accounts × 5 fields by an external id",
        "",
        "The first time is from the records in hand (dicts; the product's are the changes of a plan, which cost more "
        "to build) to the last outcome, sign-in and describe included; the second is the whole process. "
        f"{machine('simple-salesforce', 'httpx')}",
        "",
        f"At a target that answers at once: the client's own time. Medians of {len(quick['product'])} rounds in turn.",
        "",
        *head,
        *(line(name, readings) for name, readings in quick.items()),
        "",
        "At a sandbox org that checks and writes every row: mostly the server's time, once each.",
        "",
        *head,
        *(line(name, [reading]) for name, reading in org.items()),
        "",
        *table(bars),
    ]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args(arguments)
    quick: dict[str, list[Reading]] = {name: [] for name in CONTENDERS}
    with target() as url:
        for turn in range(chosen.rounds):
            for name in CONTENDERS:
                quick[name].append(at_once(url, name, rows=chosen.rows, turn=turn))
                print(f"round {turn + 1}: {name}: {quick[name][-1].said['took_s']:.2f} s", flush=True)
    org = in_an_org(chosen.rows)
    bars = judge({name: median(readings) for name, readings in quick.items()}, org, chosen.rows)
    page = report(quick, org, chosen.rows, bars)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "salesforce_upsert.md").write_text(page)
    print(page)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
