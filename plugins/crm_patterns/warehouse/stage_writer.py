"""One attempt: its rows, the rows set aside, and, last, the manifest that makes both visible."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from crm_patterns.core.arrow_types import arrow_schema
from crm_patterns.core.contracts import FieldKind, ObjectContract
from crm_patterns.core.deletions import NOT_ASKED, TOMBSTONES, DeletionEvidence, Tombstone
from crm_patterns.core.errors import StopRun
from crm_patterns.core.records import Page, RejectedRow
from crm_patterns.core.staging import MANIFEST_NAME, Manifest, PartFile, ReadEvidence, StageAddress, StageRef
from crm_patterns.warehouse.encryption import NO_CIPHER, StageCipher
from crm_patterns.warehouse.parquet_files import Encoding, ParquetFiles, Sizes
from crm_patterns.warehouse.stage_files import create_once, make_folder, storage_errors

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

REJECTED_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("record_key", "reason", "rejection", "rule", "field_name", "payload")]
)
_REJECTED_AT_ONCE = 5_000
_TOMBSTONES_AT_ONCE = 50_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ParquetStageWriter:
    """`core.ports.StageWriter` into one folder. Left without `commit`, the folder is removed."""

    def __init__(
        self, fs: AbstractFileSystem, folder: str, *, address: StageAddress, contract: ObjectContract, sizes: Sizes,
        cipher: StageCipher = NO_CIPHER,
    ) -> None:  # fmt: skip
        self._fs, self._folder, self._address, self._contract = fs, folder, address, contract
        self._schema = arrow_schema(contract)
        files = partial(ParquetFiles, fs, folder, sizes=sizes, cipher=cipher)
        self._rows = files(prefix="part", schema=self._schema, encoding=_encoding(contract))
        self._rejected = files(prefix="rejected", schema=REJECTED_SCHEMA)
        self._tombstones = files(prefix="tombstones", schema=arrow_schema(TOMBSTONES))
        self._cipher = cipher
        self._deletions = NOT_ASKED
        self._set_aside: list[RejectedRow] = []
        self._cursor_range: tuple[int, int] | None = None  # microseconds since 1970, UTC
        self._files = ExitStack()
        self._committed = False

    def __enter__(self) -> ParquetStageWriter:
        manifest = f"{self._folder}/{MANIFEST_NAME}"
        _ = self._cipher.key_id  # a key that is missing is said before anything is read
        with storage_errors(self._folder):
            if self._fs.exists(manifest):
                raise StopRun(f"This attempt is staged already: {manifest}.", fix="Stage it under another attempt id.")
            make_folder(self._fs, self._folder)
        self._files.enter_context(self._rows)
        self._files.enter_context(self._rejected)
        self._files.enter_context(self._tombstones)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()
        if not self._committed and self._fs.exists(self._folder):
            self._fs.rm(self._folder, recursive=True)

    def write(self, page: Page) -> None:
        """StopRun where the page's columns are not the contract's; nothing is staged then."""
        if not page.rows.schema.equals(self._schema):
            raise StopRun(
                f"A page of {self._contract.object_name} has the columns {page.rows.schema.names}, with types that are "
                f"not the contract's: {_difference(page.rows.schema, self._schema)}.",
                fix="This is a fault of the client that read it; please report it.",
            )
        with storage_errors(self._folder):
            if page.rows.num_rows:
                self._note_cursor(page.rows)
                self._rows.write(page.rows)
            self._set_aside.extend(page.rejected)
            if len(self._set_aside) >= _REJECTED_AT_ONCE:
                self._write_rejected()

    def write_tombstones(self, tombstones: Iterable[Tombstone], evidence: DeletionEvidence) -> None:
        schema = arrow_schema(TOMBSTONES)
        with storage_errors(self._folder):
            waiting = iter(tombstones)
            while some := list(itertools.islice(waiting, _TOMBSTONES_AT_ONCE)):
                rows = [{"record_key": t.record_key, "deleted_at": t.deleted_at, "deleted_how": t.how} for t in some]
                self._tombstones.write(pa.RecordBatch.from_pylist(rows, schema=schema))
        self._deletions = evidence

    def commit(self, evidence: ReadEvidence) -> StageRef:
        """Close the files, then create the manifest. StopRun where another writer was first."""
        with storage_errors(self._folder):
            parts = self._rows.finish()
            self._write_rejected()
            rejected = self._rejected.finish()
            manifest = self._manifest(evidence, parts, rejected, self._tombstones.finish())
            data = json.dumps(manifest.to_json(), indent=1, ensure_ascii=False, sort_keys=True).encode()
            try:
                create_once(self._fs, f"{self._folder}/{MANIFEST_NAME}", data)
            except FileExistsError as error:
                self._committed = True  # by the other writer: its files are not ours to remove
                raise StopRun(
                    f"Another writer staged this attempt meanwhile: {self._folder}.", fix="Clear the extract task."
                ) from error
        self._committed = True
        uri = self._fs.unstrip_protocol(self._folder)
        return StageRef(uri, manifest.rows, manifest.rejected, hashlib.sha256(data).hexdigest())

    def _manifest(
        self,
        evidence: ReadEvidence,
        parts: tuple[PartFile, ...],
        rejected: tuple[PartFile, ...],
        tombstones: tuple[PartFile, ...],
    ) -> Manifest:
        low, high = self._cursor_range or (None, None)
        return Manifest(
            address=self._address,
            contract=self._contract,
            evidence=evidence,
            rows=sum(part.rows for part in parts),
            rejected=sum(part.rows for part in rejected),
            min_cursor=_text(low),
            max_cursor=_text(high),
            parts=parts,
            rejected_part=rejected[0] if rejected else None,
            tombstone_parts=tombstones,
            deletions=self._deletions,
        )

    def _note_cursor(self, rows: pa.RecordBatch) -> None:
        column = self._contract.cursor_column
        if column is None:
            return
        if not pa.types.is_timestamp(rows.schema.field(column).type):
            return
        found = pc.min_max(rows.column(column))
        low, high = found["min"].value, found["max"].value  # as moments they would bring in all of pandas
        if low is None:
            return
        lowest, highest = self._cursor_range or (low, high)
        self._cursor_range = (min(low, lowest), max(high, highest))

    def _write_rejected(self) -> None:
        if not self._set_aside:
            return
        rows = [
            {
                "record_key": row.record_key,
                "reason": row.reason,
                "rejection": row.rejection.value,
                "rule": row.rule,
                "field_name": row.field_name,
                "payload": json.dumps(dict(row.payload), ensure_ascii=False),
            }
            for row in self._set_aside
        ]
        self._set_aside = []
        self._rejected.write(pa.RecordBatch.from_pylist(rows, schema=REJECTED_SCHEMA))


def _encoding(contract: ObjectContract) -> Encoding:
    """Texts repeat (picklists, owners, parents), keys do not; readers of a stage filter by key and cursor alone."""
    texts = [field.column for field in contract.fields if field.kind is FieldKind.TEXT and field.name != contract.key]
    filtered = [contract.key_column, *([contract.cursor_column] if contract.cursor_column else [])]
    return Encoding(dictionaries=tuple(texts), statistics=tuple(filtered))


def _text(microseconds: int | None) -> str | None:
    return None if microseconds is None else (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    given = {(field.name, str(field.type)) for field in found}
    due = {(field.name, str(field.type)) for field in wanted}
    return f"unexpected {sorted(given - due)}, missing {sorted(due - given)}" if given != due else "another order"
