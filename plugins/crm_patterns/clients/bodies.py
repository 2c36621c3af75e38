"""Bodies of any size: small ones in memory, large ones in a temporary file; gzip undone and proven complete."""

from __future__ import annotations

import tempfile
import zlib
from io import BytesIO
from typing import IO

from crm_patterns.clients.retrying import Unanswered

IN_MEMORY_BYTES = 32 * 1024 * 1024
"""Bodies up to this size stay in memory; pages are asked for in sizes that usually do."""


class Body:
    """Bytes written once, then read from the start as often as needed. Closing frees memory and disk."""

    def __init__(self, *, in_memory_bytes: int = IN_MEMORY_BYTES) -> None:
        self._limit = in_memory_bytes
        self._memory: BytesIO | None = BytesIO()
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self._memory is not None:
            self._memory.write(chunk)
            if self.size > self._limit:
                self._file = tempfile.TemporaryFile(prefix="crm-page-")  # noqa: SIM115 - closed by close()
                self._file.write(self._memory.getbuffer())
                self._memory = None
        elif self._file is not None:
            self._file.write(chunk)

    def in_memory(self) -> memoryview | None:
        """The whole body without a copy; None where it is on disk."""
        return self._memory.getbuffer() if self._memory is not None else None

    def file(self) -> IO[bytes]:
        """The body as a file at its start."""
        handle: IO[bytes] | None = self._memory or self._file
        if handle is None:
            raise ValueError("The body is closed.")
        handle.seek(0)
        return handle

    def ends_with_newline(self) -> bool:
        handle = self.file()
        handle.seek(max(self.size - 1, 0))
        return handle.read(1) == b"\n"

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._memory = self._file = None


class Gunzip:
    """Undoes gzip chunk by chunk. `finish` raises where the stream stopped short of its end mark."""

    def __init__(self, about: str) -> None:
        self._about = about
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, chunk: bytes) -> bytes:
        plain = self._inflate.decompress(chunk)
        while self._inflate.unused_data:  # gzip streams may follow one another
            rest = self._inflate.unused_data
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            plain += self._inflate.decompress(rest)
        return plain

    def finish(self) -> None:
        if not self._inflate.eof:
            raise Unanswered(f"The compressed body of {self._about} ended too early.")
