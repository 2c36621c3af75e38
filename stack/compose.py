"""What docker-compose.yaml needs before Airflow starts: secrets made up on the spot, so that none is in the file.

`python -m stack.compose secrets` fills the volume /secrets; `python -m stack.compose connections` adds Airflow's
connections, once the sandbox has written down its keys.
"""

import json
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from stack.connections import SLACK_WEBHOOK_TOKEN, WAREHOUSE_USER
from stack.environment import ADMIN
from stack.files import read_json, write_atomically, write_json
from stack.secrets_store import StackSecrets

# Airflow's containers run as another user than ours; the volume is theirs and ours alone.
FOR_OTHER_CONTAINERS = 0o644

cli = typer.Typer(no_args_is_help=True, add_completion=False)
Folder = Annotated[Path, typer.Option(help="The shared volume of secrets.")]


@cli.command("secrets")
def make_secrets(
    folder: Folder = Path("/secrets"),
    postgres: Annotated[str, typer.Option(help="Host and port of PostgreSQL.")] = "postgres:5432",
) -> None:
    """Write Airflow's keys, the passwords and the database addresses; what is there already stays."""
    known = StackSecrets.load(folder / "stack.json")
    password_file = folder / "postgres_password"
    if not password_file.exists():
        write_atomically(password_file, secrets.token_hex(16), mode=FOR_OTHER_CONTAINERS)
    database = f"airflow:{password_file.read_text(encoding='utf-8')}@{postgres}/airflow"
    settings = (
        f"[core]\nfernet_key = {known.fernet_key}\n\n"
        f"[api]\nsecret_key = {known.api_secret_key}\n\n"
        f"[api_auth]\njwt_secret = {known.jwt_secret}\n\n"
        f"[database]\nsql_alchemy_conn = postgresql+psycopg2://{database}\n\n"
        f"[celery]\nresult_backend = db+postgresql://{database}\n"
    )
    write_atomically(folder / "airflow.cfg", settings, mode=FOR_OTHER_CONTAINERS)
    write_json(folder / "passwords.json", {ADMIN: known.admin_password}, mode=FOR_OTHER_CONTAINERS)
    write_json(folder / "users.json", {WAREHOUSE_USER: known.warehouse_password}, mode=FOR_OTHER_CONTAINERS)


@cli.command("connections")
def make_connections(
    folder: Folder = Path("/secrets"),
    salesforce: Annotated[Path, typer.Option(help="Data folder of the Salesforce sandbox.")] = Path("/data/salesforce"),
    hubspot: Annotated[Path, typer.Option(help="Data folder of the HubSpot sandbox.")] = Path("/data/hubspot"),
    marketo: Annotated[Path, typer.Option(help="Data folder of the Marketo sandbox.")] = Path("/data/marketo"),
    pardot: Annotated[Path, typer.Option(help="Data folder of the Account Engagement sandbox.")] = Path("/data/pardot"),
    state: Annotated[str, typer.Option(help="Host of PostgreSQL.")] = "postgres",
) -> None:
    """Write the connections in the form of Airflow's LocalFilesystemBackend."""
    app, private_app = _credentials(salesforce), _credentials(hubspot)
    service, unit = _credentials(marketo), _credentials(pardot)["business_unit_id"]
    known = StackSecrets.load(folder / "stack.json")
    keys = {name: app[name] for name in ("consumer_key", "consumer_secret")}
    told = {
        "outbound_message_secret": known.outbound_message_secret,
        "outbound_message_organization_id": app.get("organization_id", ""),
    }
    password = (folder / "postgres_password").read_text(encoding="utf-8")
    warehouse = {"account": "local", "host": "warehouse", "port": 8443, "protocol": "https", "database": "CRM"}
    connections = {
        "salesforce_default": {
            "conn_type": "salesforce",
            "extra": {**keys, "login_url": "http://salesforce:8080", **told},
        },
        "snowflake_default": {
            "conn_type": "snowflake",
            "login": WAREHOUSE_USER,
            "password": known.warehouse_password,
            "schema": "PUBLIC",
            "extra": {**warehouse, "warehouse": "CRM_WH", "role": "CRM_LOADER"},
        },
        "crm_stage": {
            "conn_type": "aws",
            "login": "local",
            "password": "local",
            "extra": {"endpoint_url": "http://storage:5000", "region_name": "us-east-1"},
        },
        "crm_state": {
            "conn_type": "postgres",
            "host": state,
            "port": 5432,
            "login": "airflow",
            "password": password,
            "schema": "crm_state",
        },
        "slack_default": {
            "conn_type": "slackwebhook",
            "host": "slack:8080/services",
            "schema": "http",
            "password": SLACK_WEBHOOK_TOKEN,
        },
        "hubspot_default": {
            "conn_type": "hubspot",
            "host": "hubspot",
            "port": 8080,
            "schema": "http",
            "password": private_app["access_token"],
            "extra": {
                "webhook_secret": private_app.get("client_secret", ""),
                "app_id": str(private_app.get("private_app_id", "")),
            },
        },
        "marketo_default": {
            "conn_type": "marketo",
            "host": "http://marketo:8080",
            "login": service["client_id"],
            "password": service["client_secret"],
        },
        "pardot_default": {
            "conn_type": "pardot",
            "host": "http://pardot:8080",
            "extra": {**keys, "login_url": "http://salesforce:8080", "business_unit_id": unit},
        },
    }
    write_atomically(folder / "connections.json", json.dumps(connections, indent=2), mode=FOR_OTHER_CONTAINERS)


def _credentials(folder: Path) -> dict[str, Any]:
    found = read_json(folder / "credentials.json")
    if not found:
        raise SystemExit(f"error: {folder}/credentials.json is missing; has the sandbox started?")
    return found


if __name__ == "__main__":
    cli()
