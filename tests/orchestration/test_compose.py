"""docker-compose.yaml, Dockerfile and the Astro files, held against the project. Nothing is started here."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.environment import airflow_settings
from stack.home import StackHome
from stack.installation import Installation
from stack.pools import declared_pools

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = {name: service for name, service in SERVICES.items() if service.get("image", "").endswith("-airflow")}
LOCAL = {name: service for name, service in SERVICES.items() if service.get("image", "").endswith("-local")}
ONE_SHOT = {"migrate", "secrets", "connections"}

# Settings of the local stack that the containers have in /secrets/airflow.cfg, by another name, or no use for.
ONLY_LOCAL = {
    "AIRFLOW_HOME",  # the image's own
    "AIRFLOW__CORE__PARALLELISM",  # bounds the LocalExecutor's processes
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",  # holds a password: /secrets/airflow.cfg
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL",  # DAGs are edited on the laptop
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES",
}
ONLY_PLACES = {  # same setting, another address or folder
    "AIRFLOW_CONFIG",
    "AIRFLOW__API__BASE_URL",
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW__CORE__EXECUTOR",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
}


def test_every_part_of_the_production_shape_is_there() -> None:
    assert set(AIRFLOW) == {"api-server", "scheduler", "dag-processor", "triggerer", "worker", "migrate"}
    outside = {"storage", "warehouse", "salesforce", "hubspot", "marketo", "pardot", "slack"}
    assert set(LOCAL) == {"secrets", "connections", *outside}
    assert set(SERVICES) - AIRFLOW.keys() - LOCAL.keys() == {"postgres", "redis"}


def test_every_image_is_built_from_a_stage_of_the_dockerfile_or_has_a_tag() -> None:
    stages = set(re.findall(r"^FROM .+ AS (\w+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))

    for name, service in SERVICES.items():
        if "build" in service:
            assert service["build"]["target"] in stages, name
            assert (ROOT / service["build"]["context"]).is_dir(), name
        else:
            assert re.fullmatch(r"[\w./-]+:[\w.-]+", service["image"]), name
            assert not service["image"].endswith(":latest"), name


def test_the_image_is_of_the_airflow_that_the_lock_holds() -> None:
    locked = re.search(r"^apache-airflow==([\d.]+)", (ROOT / "requirements" / "lock.txt").read_text(), re.MULTILINE)
    image = re.search(r"^FROM apache/airflow:([\d.]+)-python", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert locked
    assert image
    assert image[1] == locked[1]


def test_everything_the_dockerfile_copies_exists() -> None:
    copied = re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)

    assert copied
    assert [path for line in copied for path in line.split() if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", sorted(set(AIRFLOW) - ONE_SHOT))
def test_airflow_knows_the_command(name: str) -> None:
    from airflow.cli.cli_parser import get_parser

    program, *arguments = AIRFLOW[name]["command"]

    assert program == "airflow"
    assert get_parser().parse_args(arguments).subcommand in arguments[:2]


@pytest.mark.parametrize("name", sorted(LOCAL))
def test_our_own_commands_know_their_options(name: str) -> None:
    module, *arguments = LOCAL[name]["command"]
    words = [word for word in arguments if not word.startswith(("-", "/")) and not word[0].isdigit()]
    options = {word.partition("=")[0] for word in arguments if word.startswith("--")}
    assert importlib.util.find_spec(module)

    environment = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", module, *words, "--help"]
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    assert {option for option in options if option not in told} == set()


def test_the_environment_is_the_one_of_the_local_stack_but_for_places(tmp_path: Path) -> None:
    here = airflow_settings(Installation.prepare(StackHome(tmp_path / "stack")))
    there = AIRFLOW["scheduler"]["environment"]

    assert here.keys() - there.keys() == ONLY_LOCAL
    same = here.keys() & there.keys() - ONLY_PLACES
    assert {name: there[name] for name in same} == {name: here[name] for name in same}


def test_every_setting_is_one_that_airflow_has() -> None:
    from airflow.configuration import conf

    for name in AIRFLOW["worker"]["environment"]:
        if name.startswith("AIRFLOW__"):
            _, section, option = name.lower().split("__", 2)
            known = conf.configuration_description.get(section, {"options": {}})["options"]
            assert option in known or option == "execution_api_server_url", name  # read by Airflow, described nowhere


def test_all_of_airflow_shares_one_environment_and_only_the_worker_imports_early() -> None:
    base = AIRFLOW["scheduler"]["environment"]

    for name, service in AIRFLOW.items():
        own = {key for key, value in service["environment"].items() if base.get(key) != value}
        assert own == ({"CRM_PATTERNS_PRELOAD"} if name == "worker" else set()), name


def test_the_places_that_the_settings_take_from_the_environment_are_given() -> None:
    """Numbers have defaults that are right anywhere; a folder or a bucket has not."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "include" / "config").glob("*.yaml")]
    wanted = {name for text in texts for name in re.findall(r"\$\{(CRM_PATTERNS_\w+):-[^0-9]", text)}

    assert wanted
    assert wanted - AIRFLOW["worker"]["environment"].keys() == set()


def test_what_is_mounted_exists() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir(), f"{name}: {mount}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {mount}"
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert set(COMPOSE["volumes"]) <= used


def test_every_folder_the_environment_names_is_mounted() -> None:
    mounted = {mount.split(":")[1] for mount in AIRFLOW["worker"]["volumes"]}

    for name, value in AIRFLOW["worker"]["environment"].items():
        if value.startswith("/"):
            assert any(value == folder or value.startswith(f"{folder}/") for folder in mounted), f"{name}={value}"


def test_whatever_keeps_running_says_how_it_is_and_whatever_does_not_is_not_restarted() -> None:
    for name, service in SERVICES.items():
        if name in ONE_SHOT:
            assert service["restart"] == "no", name
        else:
            assert service["healthcheck"]["test"], name


def test_what_is_waited_for_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
            assert other in SERVICES, f"{name} waits for {other}"
            assert how["condition"] == expected, f"{name} waits for {other}"


def test_no_secret_is_written_down() -> None:
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            assert not re.search(r"://[^/\s]*:[^/\s]*@", str(value)), f"{name}: {key}"
            if re.search(r"PASSWORD|SECRET_KEY|JWT|FERNET|TOKEN", key):
                assert str(value).startswith("/secrets/"), f"{name}: {key}"
        assert not re.search(r"password[=:](?!/)", " ".join(map(str, service.get("command", [])))), name


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_the_pools_are_those_of_the_settings_file() -> None:
    made = re.findall(r'airflow pools set (\w+) (\d+) "([^"]+)"', AIRFLOW["migrate"]["command"][-1])
    declared = [(pool["pool_name"], str(pool["pool_slot"]), pool["pool_description"]) for pool in declared_pools()]

    assert made == declared


def test_the_pools_of_the_product_are_declared() -> None:
    from crm_patterns.catalog import load_warehouse_elt

    pools = load_warehouse_elt(ROOT / "include" / "config" / "warehouse_elt.yaml").pools

    assert {pools.source, pools.warehouse} <= {pool["pool_name"] for pool in declared_pools()}


def test_the_dag_check_of_the_astro_project_passes() -> None:
    test_file = ROOT / ".astro" / "test_dag_integrity_default.py"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        "/dev/null",
        "--rootdir",
        str(test_file.parent),
        str(test_file),
    ]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout[-3000:]
