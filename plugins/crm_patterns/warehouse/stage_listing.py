"""What is below a stage's root: its attempts as storage lists them, and their removal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.staging import MANIFEST_NAME, StagedAttempt

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_DEPTH = 5
"""`<source>/<object>/window=<…>/<attempt id>/<file>`: whatever lies elsewhere is not ours to touch."""


def list_attempts(fs: AbstractFileSystem, root: str) -> Iterator[StagedAttempt]:
    """In the order of their paths. One listing of everything below the root."""
    fs.invalidate_cache()
    found = fs.find(root, detail=True)
    files = [(PurePosixPath(path[len(root) :].strip("/")), info) for path, info in sorted(found.items())]
    ours = [(path, info) for path, info in files if len(path.parts) == _DEPTH and path.parts[2].startswith("window=")]
    for folder, group in groupby(ours, key=lambda file: file[0].parent):
        members = list(group)
        yield StagedAttempt(
            path=str(folder),
            window=str(folder.parent),
            is_whole=any(path.name == MANIFEST_NAME for path, _ in members),
            written_at=max(_written_at(fs, f"{root}/{path}", info) for path, info in members),
            bytes=sum(int(info.get("size") or 0) for _, info in members),
        )


def remove_attempt(fs: AbstractFileSystem, root: str, attempt: StagedAttempt) -> None:
    """The manifest first; then the rest; then the folders that are left empty."""
    folder = f"{root}/{attempt.path}"
    with suppress(FileNotFoundError):
        fs.rm_file(f"{folder}/{MANIFEST_NAME}")
    with suppress(FileNotFoundError):
        fs.rm(folder, recursive=True)
    fs.invalidate_cache()
    if isinstance(fs, LocalFileSystem):
        with suppress(OSError):  # another attempt of the window is in it
            fs.rmdir(f"{root}/{attempt.window}")


def _written_at(fs: AbstractFileSystem, path: str, info: dict[str, Any]) -> datetime:
    """Listings name it differently: a number of seconds locally, a moment on object storage."""
    given = next((info[name] for name in ("LastModified", "last_modified", "mtime", "updated") if info.get(name)), None)
    if given is None:
        given = fs.modified(path)
    if isinstance(given, int | float):
        return datetime.fromtimestamp(given, UTC)
    moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
