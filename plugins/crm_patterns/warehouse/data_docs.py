"""
Data Docs: a static site of Great Expectations' own pages, one per object and run, and an index that lists them.

Several tasks write into one folder at the same time: a page is written by one task only, and the index is made anew
from what is there, whole or not at all.
"""

from __future__ import annotations

import html
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

KEEP_PER_OBJECT = 200
"""Pages of an object; older ones are removed."""

_STAMP = "%Y%m%dT%H%M%S%fZ"

_OFFLINE_STYLE = (
    "body{font:15px system-ui,sans-serif;margin:1rem auto;max-width:80rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:.3rem 0 1rem}td,th{text-align:left;padding:.3rem .7rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}.navbar ul{columns:4;padding-left:1rem}"
    ".text-success::before{content:'✓ ';color:#1b6e3c}.text-danger::before{content:'✗ ';color:#b00020}"
    "footer,img{display:none}"
)


class DataDocs:
    """Writes into the folder `root`, which people open at `url`."""

    def __init__(self, root: Path, *, url: str) -> None:
        self.root = root
        self.url = url.rstrip("/")

    def publish(self, result: ExpectationSuiteValidationResult, *, suite: str, run_label: str) -> str:
        """Write the run's page and the suite's, renew the index; returns the page's URL."""
        from great_expectations.core.run_identifier import RunIdentifier

        now = datetime.now(UTC)
        result.meta["run_id"] = RunIdentifier(run_name=run_label, run_time=now)
        # Four folders deep, as Great Expectations lays out its own site: the links in its pages count on it.
        place = Path("validations") / suite / run_label / now.strftime(_STAMP)
        _write(self.root / place / "audit.html", _render_result(result))
        _write(self.root / "expectations" / f"{suite}.html", _render_suite(result, suite))
        failed = [answer for answer in result.results if not answer.success]
        summary = {
            "object": suite,
            "run": run_label,
            "at": now.isoformat(timespec="seconds"),
            "rules": len(result.results),
            "blocking": sum(answer.expectation_config.meta["on_failure"] != "warn" for answer in failed),
            "warnings": sum(answer.expectation_config.meta["on_failure"] == "warn" for answer in failed),
            "page": f"{place.as_posix()}/audit.html",
        }
        _write(self.root / place / "summary.json", json.dumps(summary))
        self._forget_old(suite)
        _write(self.root / "index.html", _render_index(self._summaries()))
        return f"{self.url}/{place.as_posix()}/audit.html"

    def forget_before(self, moment: datetime, *, dry_run: bool = False) -> int:
        """Remove the runs' pages that are older, and renew the index; returns how many. A dry run only counts."""
        oldest = moment.astimezone(UTC).strftime(_STAMP)
        old = [folder for folder in self.root.glob("validations/*/*/*") if folder.is_dir() and folder.name < oldest]
        if dry_run:
            return len(old)
        for folder in old:
            _forget(folder)
        if old:
            _write(self.root / "index.html", _render_index(self._summaries()))
        return len(old)

    def _summaries(self) -> list[dict[str, Any]]:
        found = []
        for path in self.root.glob("validations/*/*/*/summary.json"):
            try:
                found.append(json.loads(path.read_text(encoding="utf-8")))
            except FileNotFoundError:
                continue  # removed by another task since it was listed
        return sorted(found, key=lambda summary: (summary["at"], summary["object"]), reverse=True)

    def _forget_old(self, suite: str) -> None:
        pages = sorted((self.root / "validations" / suite).glob("*/*"), key=lambda folder: folder.name)
        for folder in pages[:-KEEP_PER_OBJECT]:
            _forget(folder)


def _forget(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another run's page is in it, or another task was faster
        folder.parent.rmdir()


def _render_result(result: ExpectationSuiteValidationResult) -> str:
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    page = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
    return _readable_offline(str(DefaultJinjaPageView().render(page)))


def _render_suite(result: ExpectationSuiteValidationResult, suite: str) -> str:
    from great_expectations import ExpectationSuite
    from great_expectations.render.renderer import ExpectationSuitePageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    known = ExpectationSuite(suite, expectations=[answer.expectation_config for answer in result.results])
    return _readable_offline(str(DefaultJinjaPageView().render(ExpectationSuitePageRenderer().render(known))))


def _readable_offline(page: str) -> str:
    """Great Expectations' pages take their look from a public network; without one they still read as tables."""
    return page.replace("<head>", f"<head><style>{_OFFLINE_STYLE}</style>", 1)


def _render_index(summaries: Sequence[dict[str, Any]]) -> str:
    rows = "\n".join(_index_row(summary) for summary in summaries)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Data Docs</title><style>'
        "body{font:16px system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
        "table{border-collapse:collapse;width:100%}"
        "th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #ddd}"
        ".bad{color:#b00020;font-weight:600}.ok{color:#1b6e3c}</style></head><body>\n<h1>Data Docs</h1>\n"
        "<p>One page per object and run: what was checked, what failed, with samples. Newest first.</p>\n"
        "<table><thead><tr><th>Object</th><th>Checked at (UTC)</th><th>Rules</th><th>Result</th><th>Attempt</th></tr>"
        f"</thead><tbody>\n{rows}\n</tbody></table></body></html>\n"
    )


def _index_row(summary: dict[str, Any]) -> str:
    verdict = [f"{summary['blocking']} failed"] if summary["blocking"] else []
    verdict += [f"{summary['warnings']} warnings"] if summary["warnings"] else []
    kind = "bad" if summary["blocking"] else "ok"
    name, run, page = (html.escape(summary[key], quote=True) for key in ("object", "run", "page"))
    return (
        f'<tr><td><a href="{page}">{name}</a></td><td>{html.escape(summary["at"])}</td><td>{summary["rules"]}</td>'
        f'<td class="{kind}">{", ".join(verdict) or "passed"}</td><td>{run}</td></tr>'
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
