"""The site's own part: the index, and how long pages are kept. The pages themselves are tested in tests/sql."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_patterns.warehouse import data_docs
from crm_patterns.warehouse.data_docs import DataDocs


def _page(docs: DataDocs, name: str, number: int, *, blocking: int = 0) -> Path:
    folder = docs.root / "validations" / name / f"run-{number}" / f"20260301T0000{number:02d}Z"
    folder.mkdir(parents=True)
    page = folder.relative_to(docs.root).as_posix() + "/audit.html"
    summary = {"object": name, "run": f"<run {number}>", "at": f"2026-03-01T00:00:{number:02d}+00:00", "rules": 9}
    (folder / "summary.json").write_text(json.dumps({**summary, "blocking": blocking, "warnings": 1, "page": page}))
    return folder


def test_the_index_lists_the_newest_first_and_escapes_names(tmp_path: Path) -> None:
    docs = DataDocs(tmp_path, url="/docs")
    _page(docs, "Lead", 1, blocking=2)
    _page(docs, "Account", 2)

    text = data_docs._render_index(docs._summaries())

    assert text.index("Account") < text.index("Lead")
    assert "2 failed, 1 warnings" in text
    assert "&lt;run 1&gt;" in text
    assert "<run" not in text


def test_only_so_many_pages_of_an_object_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_docs, "KEEP_PER_OBJECT", 2)
    docs = DataDocs(tmp_path, url="/docs")
    pages = [_page(docs, "Lead", number) for number in range(4)]
    other = _page(docs, "Account", 9)

    docs._forget_old("Lead")

    assert [page.exists() for page in pages] == [False, False, True, True]
    assert not pages[0].parent.exists()
    assert other.exists()


def test_pages_go_when_their_time_is_over(tmp_path: Path) -> None:
    docs = DataDocs(tmp_path, url="/docs")
    pages = [_page(docs, "Lead", number) for number in range(4)]
    moment = datetime(2026, 3, 1, 0, 0, 2, tzinfo=UTC)

    told = docs.forget_before(moment, dry_run=True)
    assert all(page.exists() for page in pages)
    gone = docs.forget_before(moment)

    assert (told, gone, docs.forget_before(moment)) == (2, 2, 0)
    assert [page.exists() for page in pages] == [False, False, True, True]
    index = (tmp_path / "index.html").read_text()
    assert "run 3" in index
    assert "run 1" not in index
