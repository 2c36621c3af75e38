"""
Rows → Parquet files of bounded size and bounded memory.

Encoding takes more than half of the CPU of an extract, so it runs in a thread of its own beside the reading. What is
in memory at once is at most three row groups: one being filled, one waiting, one being encoded.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from crm_patterns.core.staging import PartFile
from crm_patterns.warehouse.encryption import NO_CIPHER, StageCipher
from crm_patterns.warehouse.stage_files import HashingFile

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

ROW_GROUP_ROWS = 32_768
ROW_GROUP_BYTES = 64 << 20
PART_BYTES = 160 << 20
_DICTIONARY_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    A row group ends at so many rows or bytes of memory, whichever comes first; a file at so many compressed bytes.

    160 MiB a file lies in the 100-250 MB that Snowflake asks for
    (https://docs.snowflake.com/en/user-guide/data-load-considerations-prepare), and costs little to send again.
    """

    row_group_rows: int = ROW_GROUP_ROWS
    row_group_bytes: int = ROW_GROUP_BYTES
    part_bytes: int = PART_BYTES


@dataclass(frozen=True, slots=True)
class Encoding:
    """
    Columns that get a dictionary, and those that get statistics; None is all.

    A dictionary of values that hardly repeat, and statistics that nobody filters by, cost a third of the encoding.
    """

    dictionaries: tuple[str, ...] | None = None
    statistics: tuple[str, ...] | None = None


class ParquetFiles:
    """
    Writes `<folder>/<prefix>-NNNNN.parquet`. Used from one thread; encodes in another, which is joined on leaving.

    An error of the other thread is raised by the next `write` or by `finish`.
    """

    def __init__(
        self, fs: AbstractFileSystem, folder: str, *, prefix: str, schema: pa.Schema, sizes: Sizes,
        encoding: Encoding | None = None, cipher: StageCipher = NO_CIPHER,
    ) -> None:  # fmt: skip
        self._fs, self._folder, self._prefix, self._schema, self._sizes = fs, folder, prefix, schema, sizes
        self._encoding = encoding or Encoding()
        self._cipher = cipher
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = self._pending_bytes = 0
        self._waiting: queue.Queue[pa.Table | None] = queue.Queue(maxsize=1)
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._file: HashingFile | None = None
        self._writer: pq.ParquetWriter | None = None
        self._rows = 0
        self._parts: list[PartFile] = []

    def __enter__(self) -> ParquetFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without `finish`, open uploads are given up; files that are closed already stay."""
        self._join()
        if self._file is not None:
            self._file.discard()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; blocks while the encoder is a row group behind."""
        for piece in self._pieces(batch):
            if self._pending and self._pending_bytes + piece.nbytes > self._sizes.row_group_bytes:
                self._hand_over()
            self._pending.append(piece)
            self._pending_rows += piece.num_rows
            self._pending_bytes += piece.nbytes
            if self._pending_rows >= self._sizes.row_group_rows:
                self._hand_over()

    def finish(self) -> tuple[PartFile, ...]:
        """Encode what is left and close the last file. No rows, no file."""
        if self._pending:
            self._hand_over()
        self._join()
        self._raise_failure()
        self._close_part()
        return tuple(self._parts)

    def _pieces(self, batch: pa.RecordBatch) -> list[pa.RecordBatch]:
        """The batch cut so that each piece fits what the pending row group may still hold."""
        pieces, at = [], 0
        row_bytes = max(1, batch.nbytes // max(1, batch.num_rows))
        most = max(1, min(self._sizes.row_group_rows, self._sizes.row_group_bytes // row_bytes))
        room = max(0, self._sizes.row_group_rows - self._pending_rows)
        while at < batch.num_rows:
            rows = min(most, room or most)
            pieces.append(batch.slice(at, rows))
            at, room = at + rows, 0
        return pieces

    def _hand_over(self) -> None:
        group = pa.Table.from_batches(self._pending, schema=self._schema)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0
        if self._thread is None:
            self._thread = threading.Thread(target=self._encode, name=f"encode-{self._prefix}", daemon=True)
            self._thread.start()
        self._raise_failure()
        self._waiting.put(group)

    def _encode(self) -> None:
        while (group := self._waiting.get()) is not None:
            if self._failure is not None:
                continue  # drain, so that the other thread never waits for a place in the queue
            try:
                self._write_group(group)
            except BaseException as error:  # noqa: BLE001  # handed to the thread that waits for it
                self._failure = error
            del group

    def _write_group(self, group: pa.Table) -> None:
        if self._writer is None:
            name = f"{self._prefix}-{len(self._parts):05d}.parquet"
            self._file = HashingFile(self._fs, f"{self._folder}/{name}")
            dictionaries, statistics = self._encoding.dictionaries, self._encoding.statistics
            self._writer = pq.ParquetWriter(
                self._file,
                self._schema,
                compression="zstd",
                store_decimal_as_integer=True,  # a third of the bytes and of the time of the default
                dictionary_pagesize_limit=_DICTIONARY_BYTES,  # ids and free texts are soon written as they are
                use_dictionary=True if dictionaries is None else list(dictionaries),
                write_statistics=True if statistics is None else list(statistics),
                encryption_properties=self._cipher.for_writing(),
            )
        self._writer.write_table(group, row_group_size=self._sizes.row_group_rows)
        self._rows += group.num_rows
        if self._file is not None and self._file.bytes >= self._sizes.part_bytes:
            self._close_part()

    def _close_part(self) -> None:
        if self._writer is None or self._file is None:
            return
        self._writer.close()
        self._file.close()
        name = f"{self._prefix}-{len(self._parts):05d}.parquet"
        self._parts.append(PartFile(name, self._rows, self._file.bytes, self._file.sha256, self._cipher.key_id))
        self._writer, self._file, self._rows = None, None, 0

    def _join(self) -> None:
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
