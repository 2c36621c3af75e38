"""Every DAG file imports and every DAG is sound: what `astro dev parse` runs.

The Astro CLI generates this file with `DagBag(include_examples=False)`, an argument that Airflow 3.3 no longer has, so
its own version fails before it looks at a DAG. If the CLI writes it again, take this one back from git.
"""

# ruff: noqa: S101, E402

import os

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
DAG_FOLDER = os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", os.path.join(HERE, "..", "dags"))
os.environ.setdefault("AIRFLOW__CORE__PLUGINS_FOLDER", os.path.join(HERE, "..", "plugins"))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")

from airflow.dag_processing.dagbag import DagBag

EXCEPTIONS = os.path.join(HERE, "dag_integrity_exceptions.txt")


def import_errors() -> list[tuple[str, str]]:
    """File and error of every DAG file that cannot be imported; one empty entry when all can."""
    allowed: list[str] = []
    if os.path.exists(EXCEPTIONS):
        with open(EXCEPTIONS, encoding="utf-8") as file:
            allowed = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    found = DagBag(dag_folder=DAG_FOLDER).import_errors.items()
    broken = [(path, error) for path, error in found if os.path.relpath(path, DAG_FOLDER) not in allowed]
    return broken or [("", "")]


@pytest.mark.parametrize(("path", "error"), import_errors())
def test_file_imports(path: str, error: str) -> None:
    assert not error, f"{path} failed to import with\n{error}"


def test_there_is_a_dag() -> None:
    assert DagBag(dag_folder=DAG_FOLDER).dags, f"no DAG found in {DAG_FOLDER}"
