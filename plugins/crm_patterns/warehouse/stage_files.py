"""Files on object storage: hashed while they are written, checked while they are read, created at most once."""

from __future__ import annotations

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.errors import FixSettings, IntegrationError, RetryLater, StopRun
from crm_patterns.core.staging import PartFile

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_CHUNK = 1 << 20
UPLOAD_BLOCK = 16 * _CHUNK
"""Memory of one upload: object storage takes a file in blocks of this size."""


class HashingFile:
    """A write-only file that counts and hashes (SHA-256) what passes. Arrow writes Parquet through it."""

    def __init__(self, fs: AbstractFileSystem, path: str) -> None:
        self._is_local = isinstance(fs, LocalFileSystem)
        self._raw = fs.open(path, "wb", block_size=UPLOAD_BLOCK)
        self._given_up = False
        self._hash = hashlib.sha256()
        self.bytes = 0

    @property
    def closed(self) -> bool:
        return bool(self._raw.closed)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        view = memoryview(data)
        if self._given_up:
            return view.nbytes  # Arrow ends its file when it lets go of it
        self._raw.write(view)
        self._hash.update(view)
        self.bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing: object storage takes whole parts, and flushing a short one would fail."""

    def close(self) -> None:
        self._raw.close()

    def discard(self) -> None:
        """Give up: a remote upload is aborted, a local file is left for its folder's removal."""
        self._given_up = True
        if self._is_local:
            self._raw.close()
        else:
            self._raw.discard()
            self._raw.closed = True  # or it would try to upload once more when it is let go of


@contextmanager
def storage_errors(place: str) -> Iterator[None]:
    """What object storage refuses, as an error that names the place and the fix."""
    try:
        yield
    except IntegrationError:
        raise
    except PermissionError as error:
        raise FixSettings(
            f"The stage {place} may not be used: {error}.",
            fix="Give the user or key of the stage connection the right to list, read, write and delete there.",
        ) from error
    except FileNotFoundError as error:
        raise FixSettings(
            f"The stage {place} cannot be found: {error}.", fix="Create the bucket or folder, or correct stage_root."
        ) from error
    except OSError as error:
        raise RetryLater(f"The stage {place} failed: {error}.", fix="Airflow tries again.") from error


def make_folder(fs: AbstractFileSystem, path: str) -> None:
    """Only where folders exist: on object storage it would make the bucket, which is a person's to make."""
    if isinstance(fs, LocalFileSystem):
        fs.makedirs(path, exist_ok=True)


def create_once(fs: AbstractFileSystem, path: str, data: bytes) -> None:
    """Write a whole file where none is. FileExistsError otherwise; a crash leaves no part of it under this name."""
    if not isinstance(fs, LocalFileSystem):
        if fs.exists(path):
            raise FileExistsError(path)
        fs.pipe_file(path, data, mode="create")  # a conditional PUT where the storage knows one
        return
    beside = f"{path}.{uuid.uuid4().hex}.tmp"
    with open(beside, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    finally:
        os.unlink(beside)


@contextmanager
def local_copy(fs: AbstractFileSystem, path: str, part: PartFile) -> Iterator[Path]:
    """The file itself where it is local, else a copy that is removed afterwards. StopRun where its SHA-256 differs."""
    if isinstance(fs, LocalFileSystem):
        with open(path, "rb") as file:
            _check(hashlib.file_digest(file, "sha256").hexdigest(), path, part)
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="crm-stage-") as folder:
        local = Path(folder) / part.name
        digest = hashlib.sha256()
        with fs.open(path, "rb", block_size=8 * _CHUNK, cache_type="readahead") as source, local.open("wb") as copy:
            while chunk := source.read(8 * _CHUNK):
                digest.update(chunk)
                copy.write(chunk)
        _check(digest.hexdigest(), path, part)
        yield local


def _check(sha256: str, path: str, part: PartFile) -> None:
    if sha256 != part.sha256:
        raise StopRun(
            f"{path} is not the file that was staged: its SHA-256 is {sha256[:12]}…, the manifest says "
            f"{part.sha256[:12]}….",
            fix="Clear the object's extract task to stage the window again.",
        )
