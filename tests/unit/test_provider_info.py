"""Airflow finds our connection types beside the package."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import airflow
import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def distribution() -> metadata.Distribution:
    [found] = metadata.distributions(path=[str(ROOT / "plugins")])
    return found


def test_the_distribution_is_the_project(distribution: metadata.Distribution) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert (distribution.metadata["Name"], distribution.version) == (project["name"], project["version"])


def test_what_it_says_is_what_airflow_wants_to_hear(distribution: metadata.Distribution) -> None:
    [entry_point] = distribution.entry_points.select(group="apache_airflow_provider")
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text(encoding="utf-8"))

    told = entry_point.load()()

    jsonschema.Draft7Validator(schema).validate(told)
    assert told["package-name"] == distribution.metadata["Name"]


def test_each_connection_type_has_a_hook_with_a_test(distribution: metadata.Distribution) -> None:
    [entry_point] = distribution.entry_points.select(group="apache_airflow_provider")

    for each in entry_point.load()()["connection-types"]:
        module, _, name = each["hook-class-name"].rpartition(".")
        hook = getattr(import_module(module), name)

        assert (hook.conn_type, hook.hook_name) == (each["connection-type"], each["hook-name"])
        assert callable(hook.test_connection)
