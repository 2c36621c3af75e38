"""The migrations: one line of them, its end named in the code, and no Alembic where there is nothing to migrate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from crm_patterns.state.schema import HEAD, SCRIPTS

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"


def test_the_code_names_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))

    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_database_of_the_present_schema_is_opened_without_alembic(tmp_path: Path) -> None:
    use = (
        "import sys; from sqlalchemy import URL; from crm_patterns.state import OperationalState; "
        "from crm_patterns.state.database import open_engine; "
        f"engine = open_engine(URL.create('sqlite', database={str(tmp_path / 's.db')!r})); "
        "OperationalState(engine).watermark('a', 'b'); "
        "print('alembic' in sys.modules, 'airflow' in sys.modules)"
    )

    said = [
        subprocess.run(
            [sys.executable, "-c", use], env={"PYTHONPATH": str(PLUGINS)}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert said == ["True False", "False False"]
