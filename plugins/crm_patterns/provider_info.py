"""
What Airflow reads of us as a provider: connection types that have a form and a Test button of their own.

It finds this by `entry_points.txt` in the folder beside the package that ends in `.dist-info`, wherever `plugins/` is
on the import path. It is read by every process that knows connections: this module imports nothing.
"""

from __future__ import annotations

from typing import Any


def provider_info() -> dict[str, Any]:
    """As `provider_info.schema.json` of Airflow wants it."""
    return {
        "package-name": "crm-integration-patterns",
        "name": "CRM Integration Patterns",
        "description": "Connections of CRM Integration Patterns.",
        "connection-types": [_HUBSPOT, _MARKETO, _PARDOT],
    }


def _text(label: str, *, secret: bool = False, description: str = "") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": ["string", "null"]}
    return {"label": label, "schema": schema | ({"format": "password"} if secret else {}), "description": description}


_HUBSPOT: dict[str, Any] = {
    "connection-type": "hubspot",
    "hook-name": "HubSpot",
    "hook-class-name": "crm_patterns.hooks.hubspot.HubSpotHook",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"login": "OAuth client id", "password": "Access token, or OAuth client secret"},
        "placeholders": {"host": "api.hubapi.com", "password": "pat-na1-…", "schema": "https"},
    },
    "conn-fields": {
        "refresh_token": _text("OAuth refresh token", secret=True, description="Only with OAuth; else leave it empty."),
    },
}

_MARKETO: dict[str, Any] = {
    "connection-type": "marketo",
    "hook-name": "Marketo",
    "hook-class-name": "crm_patterns.hooks.marketo.MarketoHook",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"login": "Client id", "password": "Client secret", "host": "Munchkin id, or host"},
        "placeholders": {"host": "123-ABC-456", "schema": "https"},
    },
    "conn-fields": {
        "partition": _text("Lead partition", description="Of new leads; empty for the API user's default."),
        "daily_calls": _text("Calls a day", description="What the subscription allows; 50000 where empty."),
        "first_lead_on": _text("First lead on", description="A date that no lead is older than; for the first load."),
    },
}

_PARDOT: dict[str, Any] = {
    "connection-type": "pardot",
    "hook-name": "Account Engagement (Pardot)",
    "hook-class-name": "crm_patterns.hooks.pardot.PardotHook",
    "ui-field-behaviour": {
        "hidden-fields": [],
        "relabeling": {"login": "Salesforce user name", "password": "Salesforce password"},
        "placeholders": {"host": "pi.pardot.com", "schema": "https"},
    },
    "conn-fields": {
        "business_unit_id": _text("Business unit id", description="18 characters that begin with 0Uv."),
        "domain": _text("Salesforce domain", description="login, test, or your My Domain; as for Salesforce."),
        "login_url": _text("Salesforce login URL", description="Full URL, where the domain cannot say it."),
        "consumer_key": _text("Consumer key", description="Of an app with the scope pardot_api."),
        "consumer_secret": _text("Consumer secret", secret=True),
        "private_key": _text("Private key", secret=True, description="PEM, for signing in by JWT."),
        "private_key_file_path": _text("Private key file"),
        "security_token": _text("Security token", secret=True),
        "time_zone": _text("Account's time zone", description="Like America/New_York: when daily calls count anew."),
    },
}
