"""The Airflow connections of the local stack, and how a caller's own take their place."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from stack.files import read_json
from stack.installation import HUBSPOT, MARKETO, PARDOT, SALESFORCE, SLACK, WAREHOUSE, Installation
from stack.ports import LOOPBACK

WAREHOUSE_USER = "CRM_LOADER"
EXPORTED_VARIABLE = "CRM_STACK_EXPORTED"
SLACK_WEBHOOK_TOKEN = "T00000000/B00000000/local"  # noqa: S105  the stand-in's address, not a secret


def stack_connections(installation: Installation) -> dict[str, dict[str, Any]]:
    """Connection id → connection in Airflow's JSON form, for everything the local stack runs."""
    home = installation.home
    return {
        "salesforce_default": _salesforce(installation),
        "snowflake_default": {
            "conn_type": "snowflake",
            "login": WAREHOUSE_USER,
            "password": installation.secrets.warehouse_password,
            "schema": "PUBLIC",
            "extra": {
                "account": "local",
                "host": LOOPBACK,
                "port": installation.ports[WAREHOUSE],
                "protocol": "https",
                "database": "CRM",
                "warehouse": "CRM_WH",
                "role": "CRM_LOADER",
            },
        },
        "crm_stage": {"conn_type": "file", "extra": {"path": str(home.stage)}},
        "crm_state": {"conn_type": "sqlite", "host": str(home.state / "crm_state.db")},
        "crm_keys": {
            "conn_type": "generic",
            "password": installation.secrets.hash_secret,
            "extra": {"stage_secret": installation.secrets.stage_secret},
        },
        "slack_default": {
            "conn_type": "slackwebhook",
            "host": f"{LOOPBACK}:{installation.ports[SLACK]}/services",
            "schema": "http",
            "password": SLACK_WEBHOOK_TOKEN,
        },
        "hubspot_default": _hubspot(installation),
        "marketo_default": _marketo(installation),
        "pardot_default": _pardot(installation),
    }


def _salesforce(installation: Installation) -> dict[str, Any]:
    """The connected app that the sandbox wrote down in its credentials.json."""
    keys = read_json(installation.home.service_data(SALESFORCE) / "credentials.json")
    offered = {name: keys[name] for name in ("consumer_key", "consumer_secret", "version", "domain") if keys.get(name)}
    told = {
        "outbound_message_secret": installation.secrets.outbound_message_secret,
        "outbound_message_organization_id": keys.get("organization_id", ""),
    }
    return {"conn_type": "salesforce", "extra": {**offered, "login_url": installation.url(SALESFORCE), **told}}


def _hubspot(installation: Installation) -> dict[str, Any]:
    """The private app whose token the sandbox wrote down in its credentials.json."""
    keys = read_json(installation.home.service_data(HUBSPOT) / "credentials.json")
    place = {"host": LOOPBACK, "port": installation.ports[HUBSPOT], "schema": "http"}
    told = {"webhook_secret": keys.get("client_secret", ""), "app_id": str(keys.get("private_app_id", ""))}
    return {"conn_type": "hubspot", **place, "password": keys.get("access_token", ""), "extra": told}


def _marketo(installation: Installation) -> dict[str, Any]:
    """The custom service whose secret the sandbox wrote down in its credentials.json."""
    keys = read_json(installation.home.service_data(MARKETO) / "credentials.json")
    secret = {"login": keys.get("client_id", ""), "password": keys.get("client_secret", "")}
    return {"conn_type": "marketo", "host": installation.url(MARKETO), **secret}


def _pardot(installation: Installation) -> dict[str, Any]:
    """The business unit, behind the connected app of the Salesforce org."""
    unit = read_json(installation.home.service_data(PARDOT) / "credentials.json")
    extra = {**_salesforce(installation)["extra"], "business_unit_id": unit.get("business_unit_id", "")}
    return {"conn_type": "pardot", "host": installation.url(PARDOT), "extra": extra}


def stack_settings(installation: Installation) -> dict[str, str]:
    """What `include/config/` takes from the environment, as it is on a laptop."""
    return {
        "CRM_PATTERNS_STAGE_ROOT": installation.home.stage.as_uri(),
        "CRM_PATTERNS_DATA_DOCS": str(installation.home.data_docs),
        # The sandbox commits at once; two seconds let a run see what was changed just before it.
        "CRM_PATTERNS_LAG_S": "2",
    }


def overridable(installation: Installation, caller: Mapping[str, str]) -> dict[str, str]:
    """Variable → value of what a caller may point elsewhere: every connection and every setting.

    A value the caller has exported wins, unless it is one that an earlier `make env` gave out: after a restart on
    other ports that one would be stale.
    """
    ours = {
        f"AIRFLOW_CONN_{connection_id.upper()}": json.dumps(document)
        for connection_id, document in stack_connections(installation).items()
    }
    ours |= stack_settings(installation)
    given_out = set(caller.get(EXPORTED_VARIABLE, "").split())
    return {
        variable: caller[variable] if variable in caller and _mark(caller[variable]) not in given_out else value
        for variable, value in ours.items()
    }


def exported_mark(values: Mapping[str, str], caller: Mapping[str, str]) -> str:
    """What lets a later call tell values given out by `make env` from a caller's own."""
    own = [_mark(value) for variable, value in values.items() if caller.get(variable) != value]
    return " ".join(sorted({*own, *caller.get(EXPORTED_VARIABLE, "").split()}))


def _mark(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]
