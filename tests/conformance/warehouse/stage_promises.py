"""What every stage keeps, whatever the object storage: a test class per storage inherits these."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.arrow_types import FINGERPRINT_KEY, arrow_schema
from crm_patterns.core.deletions import DeletionEvidence, Tombstone
from crm_patterns.core.errors import StopRun
from crm_patterns.core.own_columns import DeletedHow
from crm_patterns.core.records import Page, RejectedRow, RejectionClass
from crm_patterns.core.staging import StageAddress, StageRef
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.stage import ParquetStage
from tests.sql.attempts import NOON, ORDER, address, evidence, order, page


class SourceBroke(Exception):
    """Raised in the middle of a read."""


def rejected(number: int) -> RejectedRow:
    return RejectedRow(
        f"801{number}", "Amount 'abc' is not a number.", RejectionClass.CONTRACT, "type", "Amount", {"Amount": "äbc\n"}
    )


class StagePromises:
    """Subclasses give `fs` and `root`."""

    @pytest.fixture
    def fs(self) -> AbstractFileSystem:
        raise NotImplementedError

    @pytest.fixture
    def root(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def stage(self, fs: AbstractFileSystem, root: str) -> ParquetStage:
        return ParquetStage(fs, root)

    def files(self, fs: AbstractFileSystem, root: str) -> list[str]:
        fs.invalidate_cache()
        return sorted(path.removeprefix(root).lstrip("/") for path in fs.find(root))

    def write(self, stage: ParquetStage, where: StageAddress, *pages: Page) -> StageRef:
        with stage.open(where, ORDER) as writer:
            for one in pages:
                writer.write(one)
            return writer.commit(evidence(sum(one.read for one in pages)))

    def test_what_is_written_is_read(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        where = address()
        rows = [order("801A", hour=3), order("801B", hour=-2, name=None, amount=None, group="")]

        ref = self.write(stage, where, page(rows), page([order("801C")], rejected=(rejected(1), rejected(2))))

        manifest = stage.manifest(ref)
        assert manifest.address == where
        assert manifest.contract == ORDER
        assert (manifest.rows, manifest.rejected, ref.rows, ref.rejected) == (3, 2, 3, 2)
        assert manifest.min_cursor == (NOON - timedelta(hours=2)).isoformat()
        assert manifest.max_cursor == (NOON + timedelta(hours=3)).isoformat()
        assert list(stage.keys(ref, "id")) == ["801A", "801B", "801C"]
        assert list(stage.rejected_rows(ref)) == [rejected(1), rejected(2)]
        with stage.local_part(ref, manifest.parts[0].name) as local:
            assert pq.read_table(local).to_pylist()[:2] == rows
        assert self.files(fs, root) == [
            f"{where.path}/{name}" for name in ("_manifest.json", "part-00000.parquet", "rejected-00000.parquet")
        ]

    def test_tombstones_lie_beside_the_rows_with_how_far_the_log_was_followed(self, stage: ParquetStage) -> None:
        buried = [
            Tombstone("801A", NOON, DeletedHow.HARD_DELETE),
            Tombstone("801B", None, DeletedHow.ID_COMPARISON),
        ]
        followed = DeletionEvidence(covered_until=NOON.isoformat(), gap="the log was trimmed")
        with stage.open(address(), ORDER) as writer:
            writer.write_tombstones(iter(buried), followed)
            ref = writer.commit(evidence(0))

        manifest = stage.manifest(ref)
        assert (manifest.rows, manifest.tombstones, manifest.deletions) == (0, 2, followed)
        (part,) = manifest.tombstone_parts
        with stage.local_part(ref, part.name) as local:
            held = pq.read_table(local).to_pylist()
        assert held == [
            {"record_key": "801A", "deleted_at": NOON, "deleted_how": "hard delete"},
            {"record_key": "801B", "deleted_at": None, "deleted_how": "id comparison"},
        ]

    def test_a_file_tells_its_contract_and_compression(self, stage: ParquetStage) -> None:
        ref = self.write(stage, address(), page([order()]))

        with stage.local_part(ref, "part-00000.parquet") as local, pq.ParquetFile(local) as file:
            assert file.schema_arrow.equals(arrow_schema(ORDER))
            assert file.schema_arrow.metadata[FINGERPRINT_KEY] == ORDER.fingerprint.encode()
            assert file.metadata.row_group(0).column(0).compression == "ZSTD"

    def test_no_rows_are_a_stage_too(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        ref = self.write(stage, address())

        manifest = stage.manifest(ref)
        assert (manifest.rows, manifest.rejected, manifest.parts, manifest.rejected_part) == (0, 0, (), None)
        assert (manifest.min_cursor, manifest.max_cursor) == (None, None)
        assert list(stage.keys(ref, "id")) == []
        assert list(stage.rejected_rows(ref)) == []
        assert len(self.files(fs, root)) == 1

    def test_files_and_row_groups_are_bounded(self, fs: AbstractFileSystem, root: str) -> None:
        stage = ParquetStage(fs, root, sizes=Sizes(row_group_rows=100, part_bytes=6_000))
        pages = [page([order(f"{n}-{m}", name=f"{n * m * 7919}" * 9) for m in range(130)]) for n in range(20)]

        ref = self.write(stage, address(), *pages)

        manifest = stage.manifest(ref)
        assert manifest.rows == sum(part.rows for part in manifest.parts) == 2600
        assert len(manifest.parts) > 2
        assert len(set(stage.keys(ref, "id"))) == 2600
        for part in manifest.parts:
            with stage.local_part(ref, part.name) as local, pq.ParquetFile(local) as file:
                sizes = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
                assert sum(sizes) == part.rows
                assert max(sizes) <= 100

    def test_wide_rows_make_smaller_row_groups(self, fs: AbstractFileSystem, root: str) -> None:
        stage = ParquetStage(fs, root, sizes=Sizes(row_group_bytes=1 << 20))

        ref = self.write(stage, address(), page([order(str(n), name="x" * 100_000) for n in range(64)]))

        with stage.local_part(ref, "part-00000.parquet") as local, pq.ParquetFile(local) as file:
            assert file.metadata.num_row_groups >= 6
            assert file.metadata.num_rows == 64

    def test_a_read_that_breaks_leaves_nothing(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        def read() -> None:
            with stage.open(address(), ORDER) as writer:
                writer.write(page([order()] * 70_000, rejected=(rejected(1),)))
                raise SourceBroke

        with pytest.raises(SourceBroke):
            read()

        assert self.files(fs, root) == []
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("encode-")]

    def test_leaving_without_commit_leaves_nothing(
        self, stage: ParquetStage, fs: AbstractFileSystem, root: str
    ) -> None:
        with stage.open(address(), ORDER) as writer:
            writer.write(page([order()]))

        assert self.files(fs, root) == []

    def test_an_attempt_is_staged_once(self, stage: ParquetStage) -> None:
        where = address()
        ref = self.write(stage, where, page([order()]))

        with pytest.raises(StopRun, match="staged already"):
            self.write(stage, where, page([order("801X")]))

        assert stage.manifest(ref).rows == 1

    def test_the_slower_of_two_writers_of_one_attempt_is_refused(self, stage: ParquetStage) -> None:
        where = address()
        refs: list[StageRef] = []

        def overtaken() -> StageRef:
            with stage.open(where, ORDER) as slow:
                refs.append(self.write(stage, where, page([order()])))
                return slow.commit(evidence(0))

        with pytest.raises(StopRun, match="Another writer"):
            overtaken()

        (ref,) = refs
        assert stage.manifest(ref).rows == 1

    def test_files_without_a_manifest_are_no_stage(
        self, stage: ParquetStage, fs: AbstractFileSystem, root: str
    ) -> None:
        where = address()
        ref = self.write(stage, where, page([order()]))
        folder = f"{root}/{where.path}"
        fs.mv(f"{folder}/_manifest.json", f"{folder}/_manifest.json.0123.tmp")
        fs.invalidate_cache()

        with pytest.raises(StopRun, match="has no _manifest"):
            stage.manifest(ref)

    def test_a_manifest_that_was_changed_is_refused(
        self, stage: ParquetStage, fs: AbstractFileSystem, root: str
    ) -> None:
        where = address()
        ref = self.write(stage, where, page([order()]))
        path = f"{root}/{where.path}/_manifest.json"
        changed = json.loads(fs.cat_file(path))
        fs.pipe_file(path, json.dumps({**changed, "rows": 2}).encode())

        with pytest.raises(StopRun, match="SHA-256 differs"):
            stage.manifest(ref)

    def test_a_part_that_was_changed_is_refused(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        where = address()
        ref = self.write(stage, where, page([order()]))
        path = f"{root}/{where.path}/part-00000.parquet"
        fs.pipe_file(path, fs.cat_file(path) + b" ")

        with pytest.raises(StopRun, match="not the file that was staged"), stage.local_part(ref, "part-00000.parquet"):
            pytest.fail("a part with another SHA-256 was handed out")

    def test_only_files_of_the_manifest_are_handed_out(self, stage: ParquetStage) -> None:
        ref = self.write(stage, address(), page([order()]))

        with pytest.raises(StopRun, match="has no file"), stage.local_part(ref, "../../part-00000.parquet"):
            pytest.fail("a path outside of the stage was handed out")

    def test_another_contracts_page_is_refused(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        other = replace(ORDER, fields=tuple(reversed(ORDER.fields)))

        with pytest.raises(StopRun, match="fault of the client"), stage.open(address(), ORDER) as writer:
            writer.write(page([order()], other))

        assert self.files(fs, root) == []

    def test_values_at_the_edge_survive(self, stage: ParquetStage) -> None:
        edges: list[dict[str, Any]] = [
            order("1", name="", group="NULL", amount=Decimal("-9999999999999999.99"), quantity=-(2**63)),
            order("2", name="\r\n\t\"',;|\u2028\U0001f4a5", amount=Decimal("0.01"), quantity=2**63 - 1),
            order("3", system_modstamp=datetime(1, 1, 1, tzinfo=UTC)),
            order("4", system_modstamp=datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ]

        ref = self.write(stage, address(), page(edges))

        with stage.local_part(ref, "part-00000.parquet") as local:
            assert pq.read_table(local).to_pylist() == edges


class FullDisk(LocalFileSystem):
    """A disk on which a file fails after so many bytes."""

    cachable = False
    room = 5_000

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        file = super()._open(path, mode, **options)
        write, left = file.write, [self.room]

        def limited(data: Any) -> int:
            left[0] -= len(data)
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            return int(write(data))

        if "w" in mode:
            file.write = limited
        return file
