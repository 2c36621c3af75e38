"""What an encrypted stage keeps, whatever the object storage: all that a stage keeps, and its secrets."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec import AbstractFileSystem

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.keys import KeyRing, Purpose
from crm_patterns.warehouse import encryption
from crm_patterns.warehouse.encryption import StageCipher
from crm_patterns.warehouse.parquet_files import Sizes
from crm_patterns.warehouse.stage import ParquetStage
from tests.conformance.warehouse.stage_promises import StagePromises, rejected
from tests.sql.attempts import ORDER, address, order, page

OLD, NEW = "the old key of a stage, in the tests", "the new key of a stage, in the tests"


def cipher(*secrets: str, writes: bool = True) -> StageCipher:
    return StageCipher(lambda: KeyRing(Purpose.STAGE, secrets), writes=writes)


class EncryptionPromises(StagePromises):
    """Subclasses give `fs` and `root`. Every promise of a stage is held with a stage that encrypts."""

    @pytest.fixture
    def stage(self, fs: AbstractFileSystem, root: str) -> ParquetStage:
        return ParquetStage(fs, root, cipher=cipher(NEW))

    def test_no_value_and_no_name_of_a_column_can_be_read(
        self, stage: ParquetStage, fs: AbstractFileSystem, root: str
    ) -> None:
        ref = self.write(stage, address(), page([order("801A", name="Lovelace")] * 50, rejected=(rejected(1),)))

        files = [f"{root}/{name}" for name in self.files(fs, root) if name.endswith(".parquet")]
        assert len(files) == 2
        for path in files:
            data = fs.cat_file(path)
            assert data[:4] == data[-4:] == b"PARE"  # an encrypted footer
            for clear in (b"Lovelace", b"801A", b"system_modstamp", b"reason", ORDER.fingerprint.encode()):
                assert clear not in data
        assert stage.manifest(ref).parts[0].key_id == KeyRing(Purpose.STAGE, [NEW]).current

    def test_the_copy_in_clear_is_private_and_goes(self, stage: ParquetStage) -> None:
        rows = [order("801A"), order("801B", name=None)]
        ref = self.write(stage, address(), page(rows))

        with stage.local_part(ref, "part-00000.parquet") as local:
            assert pq.read_table(local).to_pylist() == rows
            assert local.parent.stat().st_mode & 0o077 == 0
        assert not local.parent.exists()

    def test_a_stage_is_read_whether_or_not_new_files_are_encrypted(self, fs: AbstractFileSystem, root: str) -> None:
        encrypting = ParquetStage(fs, root, cipher=cipher(NEW))
        plain = ParquetStage(fs, root, cipher=cipher(NEW, writes=False))
        secret = self.write(encrypting, address(), page([order("801A")]))
        clear = self.write(plain, address(), page([order("801B")]))

        assert list(plain.keys(secret, "id")) == ["801A"]
        assert list(encrypting.keys(clear, "id")) == ["801B"]
        assert plain.manifest(clear).parts[0].key_id == ""

    def test_an_earlier_key_still_reads_what_it_wrote(self, fs: AbstractFileSystem, root: str) -> None:
        before = self.write(ParquetStage(fs, root, cipher=cipher(OLD)), address(), page([order("801A")]))
        rotated = ParquetStage(fs, root, cipher=cipher(NEW, OLD))
        after = self.write(rotated, address(), page([order("801B")]))

        assert [list(rotated.keys(ref, "id")) for ref in (before, after)] == [["801A"], ["801B"]]
        assert rotated.manifest(before).parts[0].key_id != rotated.manifest(after).parts[0].key_id

    def test_a_wrong_key_is_for_a_person(self, stage: ParquetStage, fs: AbstractFileSystem, root: str) -> None:
        ref = self.write(stage, address(), page([order()], rejected=(rejected(1),)))
        wrong = ParquetStage(fs, root, cipher=cipher(OLD))

        with pytest.raises(FixSettings, match=r"which part-00000\.parquet needs") as told:
            list(wrong.keys(ref, "id"))
        with pytest.raises(FixSettings, match="previous_stage_secrets"), wrong.local_part(ref, "part-00000.parquet"):
            pytest.fail("a file was handed out that nobody can read")
        assert NEW not in str(told.value)

    def test_without_a_key_nothing_is_staged(self, fs: AbstractFileSystem, root: str) -> None:
        with pytest.raises(FixSettings, match="encrypt_stage is on, but there is no key"):
            self.write(ParquetStage(fs, root, cipher=cipher()), address(), page([order()]))

        assert self.files(fs, root) == []

    def test_decrypting_holds_one_row_group_in_memory(self, fs: AbstractFileSystem, root: str) -> None:
        stage = ParquetStage(fs, root, sizes=Sizes(row_group_rows=500), cipher=cipher(NEW))
        ref = self.write(
            stage, address(), *(page([order(f"{n}-{m}", name="x" * 2000) for m in range(500)]) for n in range(30))
        )
        pool, normal = pa.proxy_memory_pool(pa.default_memory_pool()), pa.default_memory_pool()
        pa.set_memory_pool(pool)
        try:
            with stage.local_part(ref, "part-00000.parquet") as local, pq.ParquetFile(local) as file:
                assert file.metadata.num_row_groups == 30
        finally:
            pa.set_memory_pool(normal)

        assert 0 < pool.max_memory() < 10_000_000  # all of it would be 30 MB

    def test_copies_of_a_killed_task_go_after_a_day(
        self, stage: ParquetStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        left = Path(tempfile.mkdtemp(prefix="crm-clear-"))
        ref = self.write(stage, address(), page([order()]))

        with stage.local_part(ref, "part-00000.parquet"):
            assert left.exists()
        monkeypatch.setattr(encryption, "_STALE_S", -1.0)
        with stage.local_part(ref, "part-00000.parquet"):
            assert not left.exists()
