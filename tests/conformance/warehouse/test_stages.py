"""The stage on a local folder and on S3."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from crm_patterns.core.errors import FixSettings, RetryLater
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.stage import ParquetStage
from crm_patterns.warehouse.stage_files import UPLOAD_BLOCK
from tests.conformance.warehouse.cleaning_promises import CleaningPromises
from tests.conformance.warehouse.encryption_promises import EncryptionPromises
from tests.conformance.warehouse.stage_promises import FullDisk, StagePromises
from tests.sql.attempts import ORDER, address, order, page


class TestStageOnALocalFolder(StagePromises, CleaningPromises):
    @pytest.fixture
    def fs(self) -> AbstractFileSystem:
        return LocalFileSystem()

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return str(tmp_path / "stage with blanks")

    def test_a_part_is_the_file_itself(self, stage: ParquetStage, root: str) -> None:
        where = address()
        ref = self.write(stage, where, page([order()]))

        with stage.local_part(ref, "part-00000.parquet") as local:
            assert local == Path(root) / where.path / "part-00000.parquet"
        assert local.exists()

    def test_a_full_disk_is_worth_another_try_and_leaves_nothing(self, fs: AbstractFileSystem, root: str) -> None:
        stage = ParquetStage(FullDisk(), root, sizes=Sizes(row_group_rows=100))

        pages = [page([order(f"{number}-{n}") for n in range(100)]) for number in range(100)]

        with pytest.raises(RetryLater, match="No space left"):
            self.write(stage, address(), *pages)

        assert self.files(fs, root) == []

    def test_a_folder_that_may_not_be_written_is_for_a_person(self, fs: AbstractFileSystem) -> None:
        stage = ParquetStage(fs, "/proc/crm-stage")

        with pytest.raises(FixSettings, match="/proc/crm-stage"), stage.open(address(), ORDER):
            pytest.fail("a writer was opened where nothing can be written")


class TestEncryptedStageOnALocalFolder(EncryptionPromises):
    @pytest.fixture
    def fs(self) -> AbstractFileSystem:
        return LocalFileSystem()

    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return str(tmp_path / "stage")


class OnS3:
    """A bucket of its own for each test."""

    @pytest.fixture(scope="class")
    def endpoint(self) -> Iterator[str]:
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()

    @pytest.fixture
    def fs(self, endpoint: str) -> AbstractFileSystem:
        import s3fs

        return s3fs.S3FileSystem(
            key="test", secret="test", endpoint_url=endpoint, client_kwargs={"region_name": "us-east-1"}
        )

    @pytest.fixture
    def root(self, fs: AbstractFileSystem) -> str:
        bucket = f"crm-{uuid.uuid4().hex[:12]}"
        fs.call_s3("create_bucket", Bucket=bucket)
        return f"{bucket}/stage"


class TestEncryptedStageOnS3(OnS3, EncryptionPromises):
    """Every promise, with a stage that encrypts."""


class TestStageOnS3(OnS3, StagePromises, CleaningPromises):
    def test_a_part_is_a_copy_that_goes(self, stage: ParquetStage) -> None:
        ref = self.write(stage, address(), page([order()]))

        with stage.local_part(ref, "part-00000.parquet") as local:
            assert local.exists()
        assert not local.exists()
        assert ref.uri.startswith("s3://")

    def test_a_file_larger_than_an_upload_part_arrives(self, fs: AbstractFileSystem, root: str) -> None:
        stage = ParquetStage(fs, root)

        ref = self.write(stage, address(), page(self.incompressible_rows()))

        (part,) = stage.manifest(ref).parts
        assert part.bytes > UPLOAD_BLOCK
        assert len(set(stage.keys(ref, "id"))) == 1000

    def test_an_upload_that_is_given_up_leaves_no_parts(self, fs: Any, root: str) -> None:
        stage = ParquetStage(fs, root, sizes=Sizes(row_group_rows=100))

        with stage.open(address(), ORDER) as writer:
            writer.write(page(self.incompressible_rows()))

        uploads = fs.call_s3("list_multipart_uploads", Bucket=root.partition("/")[0])
        assert uploads.get("Uploads", []) == []
        assert self.files(fs, root) == []

    def incompressible_rows(self) -> list[dict[str, Any]]:
        """More than one block of an upload."""
        return [order(f"{number}", name=os.urandom(20_000).hex()) for number in range(1000)]

    def test_a_bucket_that_is_not_there_is_for_a_person(self, fs: AbstractFileSystem) -> None:
        stage = ParquetStage(fs, "no-such-bucket-crm/stage")

        with pytest.raises(FixSettings, match="no-such-bucket-crm"):
            self.write(stage, address(), page([order()]))
