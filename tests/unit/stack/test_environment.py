from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from stack.connections import EXPORTED_VARIABLE
from stack.environment import PRELOAD_VARIABLE, exports, process_environment, shell_lines, write_airflow_secrets
from stack.installation import API_SERVER, Installation

SALESFORCE = "AIRFLOW_CONN_SALESFORCE_DEFAULT"


@pytest.mark.parametrize(
    "value", ["plain", "it's", '"$(touch /tmp/x)" `id` $HOME', "two\nlines", "", "ünï €", "\\ ! #"]
)
def test_a_shell_reads_every_value_as_it_was(value: str) -> None:
    script = "\n".join([*shell_lines({"CRM_TEST_VALUE": value}), 'printf "%s" "$CRM_TEST_VALUE"'])

    read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout

    assert read == value


def test_every_connection_is_exported_in_airflows_json_form(installation: Installation) -> None:
    values = exports(installation, {"PATH": "/bin"})

    connections = {name: json.loads(value) for name, value in values.items() if name.startswith("AIRFLOW_CONN_")}
    assert {name: connection["conn_type"] for name, connection in connections.items()} == {
        "AIRFLOW_CONN_SALESFORCE_DEFAULT": "salesforce",
        "AIRFLOW_CONN_SNOWFLAKE_DEFAULT": "snowflake",
        "AIRFLOW_CONN_CRM_STAGE": "file",
        "AIRFLOW_CONN_CRM_STATE": "sqlite",
        "AIRFLOW_CONN_CRM_KEYS": "generic",
        "AIRFLOW_CONN_SLACK_DEFAULT": "slackwebhook",
        "AIRFLOW_CONN_HUBSPOT_DEFAULT": "hubspot",
        "AIRFLOW_CONN_MARKETO_DEFAULT": "marketo",
        "AIRFLOW_CONN_PARDOT_DEFAULT": "pardot",
    }
    assert connections["AIRFLOW_CONN_SNOWFLAKE_DEFAULT"]["extra"]["port"] == installation.ports["warehouse"]


def test_the_app_that_the_sandbox_wrote_down_is_on_the_salesforce_connection(installation: Installation) -> None:
    folder = installation.home.service_data("salesforce")
    folder.mkdir(parents=True)
    (folder / "credentials.json").write_text(
        '{"consumer_key": "key", "consumer_secret": "secret", "version": "62.0", "organization_id": "00Dxx"}'
    )

    extra = json.loads(exports(installation, {})[SALESFORCE])["extra"]

    assert extra == {
        "consumer_key": "key",
        "consumer_secret": "secret",
        "version": "62.0",
        "login_url": installation.url("salesforce"),
        "outbound_message_secret": installation.secrets.outbound_message_secret,
        "outbound_message_organization_id": "00Dxx",
    }


def test_a_callers_own_connection_wins_in_the_processes_and_in_the_shell(installation: Installation) -> None:
    caller = {"PATH": "/bin", SALESFORCE: "salesforce://elsewhere"}

    assert exports(installation, caller)[SALESFORCE] == "salesforce://elsewhere"
    assert (
        process_environment(installation, caller, service="airflow-scheduler")[SALESFORCE] == "salesforce://elsewhere"
    )


def test_what_make_env_gave_out_before_does_not_win_over_newer_values(installation: Installation) -> None:
    shell = {"PATH": "/bin", **exports(installation, {"PATH": "/bin"})}
    moved = Installation(
        installation.home,
        installation.stack_id,
        {name: port + 1 for name, port in installation.ports.items()},
        installation.secrets,
    )

    assert exports(moved, shell)[SALESFORCE] == exports(moved, {})[SALESFORCE]
    assert exports(moved, shell)[SALESFORCE] != shell[SALESFORCE]


def test_a_connection_changed_after_make_env_wins(installation: Installation) -> None:
    shell = {"PATH": "/bin", **exports(installation, {"PATH": "/bin"}), SALESFORCE: "salesforce://elsewhere"}

    again = {**shell, **exports(installation, shell)}

    assert again[SALESFORCE] == "salesforce://elsewhere"
    assert exports(installation, again)[SALESFORCE] == "salesforce://elsewhere"


def test_a_callers_airflow_settings_stay_outside(installation: Installation) -> None:
    caller = {
        "PATH": "/bin",
        "AIRFLOW_HOME": "/prod",
        "AIRFLOW_CONFIG": "/prod/airflow.cfg",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://prod",
        "AIRFLOW__CELERY__BROKER_URL": "redis://prod",
        "PYTHONPATH": "/elsewhere",
        EXPORTED_VARIABLE: "x",
    }

    environment = process_environment(installation, caller, service="airflow-api-server")

    assert not [value for value in environment.values() if "prod" in value or "/elsewhere" in value]
    assert not {EXPORTED_VARIABLE, "AIRFLOW__CELERY__BROKER_URL"} & environment.keys()


def test_only_the_scheduler_is_told_to_import_early(installation: Installation) -> None:
    told = {
        service: PRELOAD_VARIABLE in process_environment(installation, {"PATH": "/bin"}, service=service)
        for service in ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", API_SERVER, "warehouse")
    }

    assert told == {
        "airflow-scheduler": True,
        "airflow-dag-processor": False,
        "airflow-triggerer": False,
        API_SERVER: False,
        "warehouse": False,
    }


def test_the_loopback_is_never_reached_through_a_proxy(installation: Installation) -> None:
    values = exports(installation, {"NO_PROXY": "intranet, localhost"})

    assert values["NO_PROXY"] == values["no_proxy"] == "intranet,localhost,127.0.0.1"


def test_airflows_secrets_are_in_files_of_their_owner_and_not_in_the_environment(installation: Installation) -> None:
    write_airflow_secrets(installation.home, installation.secrets)

    secrets = installation.secrets
    shown = " ".join(process_environment(installation, {"PATH": "/bin"}, service=API_SERVER).values())
    for secret in (secrets.fernet_key, secrets.api_secret_key, secrets.jwt_secret, secrets.admin_password):
        assert secret not in shown
    for file in (installation.home.airflow / "airflow.cfg", installation.home.secrets_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_stack_is_the_same_after_a_second_look(installation: Installation) -> None:
    again = Installation.prepare(installation.home)

    assert again == installation


def test_the_path_names_the_environment_once(installation: Installation) -> None:
    once = exports(installation, {"PATH": f"/usr/bin{os.pathsep}/bin"})["PATH"]

    assert exports(installation, {"PATH": once})["PATH"] == once
    assert (Path(once.split(os.pathsep)[0]) / "airflow").exists()
