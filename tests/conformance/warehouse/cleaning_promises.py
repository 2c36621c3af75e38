"""What cleaning a stage keeps, whatever the object storage: a test class per storage inherits these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec import AbstractFileSystem

from crm_patterns.core.errors import StopRun
from crm_patterns.core.outcomes import RunState
from crm_patterns.core.ports import RunKey
from crm_patterns.core.staging import StageAddress, StageRef
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.state import OperationalState, open_state
from crm_patterns.steps.clean_stage import Cleaned, clean_stage
from crm_patterns.warehouse.stage import ParquetStage
from crm_patterns.warehouse.stage_files import make_folder
from tests.sql.attempts import NOON, ORDER, address, evidence, order, page

RUN = RunKey("crm_warehouse_elt", "manual__1")
MONTH = timedelta(days=30)


class Connection:
    """What `open_state` reads of an Airflow connection."""

    conn_id, conn_type, login, password, port, schema = "crm_state", "sqlite", None, None, None, ""

    def __init__(self, path: Path) -> None:
        self.host = str(path)
        self.extra_dejson: dict[str, str] = {}


class CleaningPromises:
    """Subclasses give `fs`, `root` and `stage`. Files are as old as the test says, by telling it a later time."""

    @pytest.fixture
    def state(self, tmp_path: Path) -> OperationalState:
        return open_state(Connection(tmp_path / "state.db"))  # type: ignore[arg-type]  # all that is read of one

    def staged(self, stage: ParquetStage, *, hour: int = 0) -> tuple[StageAddress, StageRef]:
        end = NOON + timedelta(hours=hour)
        where = replace(address(), window=Window(end - timedelta(hours=1), end, WindowKind.INCREMENTAL))
        with stage.open(where, ORDER) as writer:
            writer.write(page([order()]))
            return where, writer.commit(evidence(1))

    def orphan(self, fs: AbstractFileSystem, root: str) -> str:
        folder = f"{root}/{address().path}"
        make_folder(fs, folder)
        fs.pipe_file(f"{folder}/part-00000.parquet", b"half a file")
        return folder

    def clean(
        self, stage: ParquetStage, state: OperationalState, *, later: timedelta, dry_run: bool = False
    ) -> Cleaned:
        return clean_stage(stage, state, keep=MONTH, now=datetime.now(UTC) + later, dry_run=dry_run)

    def test_an_attempt_goes_when_its_time_is_over(self, stage: ParquetStage, state: OperationalState) -> None:
        _, ref = self.staged(stage)

        young = self.clean(stage, state, later=MONTH - timedelta(hours=1))
        told = self.clean(stage, state, later=MONTH + timedelta(hours=1), dry_run=True)
        assert stage.manifest(ref).rows == 1
        old = self.clean(stage, state, later=MONTH + timedelta(hours=1))
        again = self.clean(stage, state, later=MONTH + timedelta(hours=1))

        assert (young.attempts, told.attempts, old.attempts, again.attempts) == (0, 1, 1, 0)
        assert old.bytes == told.bytes > 0
        assert list(stage.attempts()) == []
        with pytest.raises(StopRun, match="no stage"):
            stage.manifest(ref)

    def test_an_orphan_goes_after_a_day(
        self, stage: ParquetStage, state: OperationalState, fs: AbstractFileSystem, root: str
    ) -> None:
        folder = self.orphan(fs, root)
        _, ref = self.staged(stage)

        young = self.clean(stage, state, later=timedelta(hours=23))
        old = self.clean(stage, state, later=timedelta(hours=25))

        assert (young.orphans, old.orphans, old.attempts, old.kept) == (0, 1, 0, 1)
        assert not fs.exists(folder)
        assert stage.manifest(ref).rows == 1

    def test_what_an_unfinished_run_reads_stays_until_it_is_finished(
        self, stage: ParquetStage, state: OperationalState
    ) -> None:
        where, ref = self.staged(stage)
        self.staged(stage, hour=5)
        state.start_run(RUN, source="salesforce", run_type="manual", at=datetime.now(UTC))
        state.claim_window(RUN, where.source, where.object_name, where.window)

        waiting = self.clean(stage, state, later=MONTH * 2)
        assert stage.manifest(ref).rows == 1
        state.finish_run(RUN, state=RunState.FAILED, at=datetime.now(UTC))
        finished = self.clean(stage, state, later=MONTH * 2)

        assert (waiting.attempts, waiting.kept) == (1, 1)
        assert (finished.attempts, finished.kept) == (1, 0)

    def test_what_is_not_an_attempt_is_not_touched(
        self, stage: ParquetStage, state: OperationalState, fs: AbstractFileSystem, root: str
    ) -> None:
        make_folder(fs, f"{root}/salesforce/Order/notes/of mine")
        foreign = [f"{root}/READ.ME", f"{root}/salesforce/Order/notes/of mine/part-00000.parquet"]
        for path in foreign:
            fs.pipe_file(path, b"mine")

        cleaned = self.clean(stage, state, later=MONTH * 20)

        assert (cleaned.attempts, cleaned.orphans, cleaned.kept) == (0, 0, 0)
        assert all(fs.exists(path) for path in foreign)
