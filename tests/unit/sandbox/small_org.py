"""A small filled org in a folder of its own, without HTTP."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.salesforce import soql
from sandbox.salesforce.populate import populate
from sandbox.salesforce.store import Org

MOMENT = datetime(2026, 5, 20, 12, 0, 0, tzinfo=UTC)
SIZE = 200


@cache
def _filled(size: int) -> tempfile.TemporaryDirectory[str]:
    """One org per size, filled once and copied for each test."""
    folder = tempfile.TemporaryDirectory(prefix="small-org-")
    org = Org(Path(folder.name))
    populate(org, size=size, now=MOMENT)
    org.close()
    return folder


@contextmanager
def small_org(folder: Path, *, size: int = SIZE) -> Iterator[Org]:
    """An org of its own in `folder`, which is filled unless it holds an org already."""
    if not (folder / "populated.json").exists():
        shutil.copytree(_filled(size).name, folder, dirs_exist_ok=True)
    org = Org(folder)
    try:
        yield org
    finally:
        org.close()


@contextmanager
def fresh_org(folder: Path, *, seed: int) -> Iterator[Org]:
    """An org that is filled here and now."""
    org = Org(folder)
    try:
        populate(org, size=50, seed=seed, now=MOMENT)
        yield org
    finally:
        org.close()


def rows(org: Org, text: str, *, bulk: bool = False, include_deleted: bool = False) -> list[tuple[Any, ...]]:
    """The selected columns of a query's rows."""
    compiled = soql.compile(org, text, bulk=bulk, include_deleted=include_deleted)
    width = len(compiled.columns) or 1
    with org.cursor() as cursor:
        return [row[:width] for row in cursor.execute(compiled.sql, compiled.params).fetchall()]


def sql_rows(org: Org, sql: str) -> list[tuple[Any, ...]]:
    with org.cursor() as cursor:
        return list(cursor.execute(sql).fetchall())
