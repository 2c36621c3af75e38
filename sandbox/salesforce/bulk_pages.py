"""Pages of a result file as HTTP replies: a header and a slice, plain or compressed once and kept."""

import asyncio
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox.salesforce.bulk_csv import ResultFile

CHUNK = 1 << 20
GZIP = 16 + zlib.MAX_WBITS
FAST = 1


@dataclass(frozen=True, slots=True)
class Slice:
    """The records [first, first + count) of a result."""

    result: ResultFile
    first: int
    count: int


class FileReply(Response):
    """A prefix and a piece of a file, with Content-Length, read in large chunks."""

    def __init__(self, path: Path, *, prefix: bytes, offset: int, size: int, headers: Mapping[str, str]) -> None:
        self.path, self.prefix, self.offset, self.size = path, prefix, offset, size
        self.status_code = 200
        self.background = None
        self.init_headers({"content-length": str(len(prefix) + size), **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  the ASGI signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if self.prefix:
            await send({"type": "http.response.body", "body": self.prefix, "more_body": True})
        file = os.open(self.path, os.O_RDONLY)
        try:
            place, end = self.offset, self.offset + self.size
            while place < end:
                chunk = os.pread(file, min(CHUNK, end - place), place)
                if not chunk:
                    raise OSError(f"{self.path} is shorter than its index says")
                place += len(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            os.close(file)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Pages:
    """Serves slices; a slice that a client wants compressed is compressed once, in a thread, and kept beside it."""

    def __init__(self) -> None:
        self._compressing: dict[Path, asyncio.Task[None]] = {}

    async def reply(self, page: Slice, *, gzip: bool, headers: Mapping[str, str]) -> Response:
        """The page as a reply; `headers` come on top of type and length."""
        types = {"content-type": "text/csv; charset=UTF-8", **headers}
        if not gzip:
            offset, size = page.result.place(page.first, page.count)
            return FileReply(page.result.data, prefix=page.result.header, offset=offset, size=size, headers=types)
        path = await self._compressed(page)
        types["content-encoding"] = "gzip"
        return FileReply(path, prefix=b"", offset=0, size=path.stat().st_size, headers=types)

    def prepare(self, page: Slice) -> None:
        """Begin compressing a page that will probably be asked for next."""
        if page.count > 0:
            self._begin(page)

    async def _compressed(self, page: Slice) -> Path:
        path, task = self._begin(page)
        if task is not None:
            await asyncio.shield(task)
        return path

    def _begin(self, page: Slice) -> tuple[Path, asyncio.Task[None] | None]:
        path = page.result.folder / f"{page.first}-{page.count}.gz"
        if path.exists():
            return path, None
        if path not in self._compressing:
            task = asyncio.create_task(asyncio.to_thread(_compress, page, path))
            self._compressing[path] = task
            task.add_done_callback(lambda _: self._compressing.pop(path, None))
        return path, self._compressing[path]


def _compress(page: Slice, path: Path) -> None:
    offset, size = page.result.place(page.first, page.count)
    packer = zlib.compressobj(FAST, zlib.DEFLATED, GZIP)
    unfinished = path.with_suffix(".part")
    with page.result.data.open("rb") as source, unfinished.open("wb") as target:
        target.write(packer.compress(page.result.header))
        source.seek(offset)
        while size:
            chunk = source.read(min(CHUNK, size))
            size -= len(chunk)
            target.write(packer.compress(chunk))
        target.write(packer.flush())
    unfinished.rename(path)
