"""Airflow connection of type `pardot` → Account Engagement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from crm_patterns.hooks import salesforce
from crm_patterns.hooks.testing import tested

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from crm_patterns.clients.pardot.client import PardotClient
    from crm_patterns.clients.pardot.connection import PardotConnection


class PardotHook(BaseHook):
    """
    Signing in: login, password and extras as on a Salesforce connection, whichever way is chosen.

    Extra `business_unit_id` is required; `time_zone` names the account's. Host empty: `pi.pardot.com`; else host, port
    and schema.
    """

    conn_name_attr = "pardot_conn_id"
    default_conn_name = "pardot_default"
    conn_type = "pardot"
    hook_name = "Account Engagement (Pardot)"

    def __init__(self, pardot_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.pardot_conn_id = pardot_conn_id

    def sink(self) -> PardotClient:
        """A client for one task. FixSettings where the connection is incomplete."""
        from crm_patterns.clients.pardot.client import PardotClient

        return PardotClient(settings_of(self.get_connection(self.pardot_conn_id)))

    def get_conn(self) -> PardotClient:
        return self.sink()

    def test_connection(self) -> tuple[bool, str]:
        """Signs in to Salesforce and asks whether prospects and their fields may be read; writes nothing."""
        from crm_patterns.clients.pardot.client import PardotClient

        return tested(
            lambda patience: PardotClient(settings_of(self.get_connection(self.pardot_conn_id)), patience=patience)
        )


def settings_of(connection: Connection) -> PardotConnection:
    """The fields of an Airflow connection as our settings."""
    from crm_patterns.clients.pardot.connection import PUBLIC_URL, PardotConnection

    extras = connection.extra_dejson
    return PardotConnection(
        salesforce=salesforce.settings_of(connection),
        business_unit_id=str(extras.get("business_unit_id") or ""),
        base_url=_url(connection) or PUBLIC_URL,
        time_zone=str(extras.get("time_zone") or ""),
    )


def _url(connection: Connection) -> str:
    """As Airflow's own `http` connections are read: the host may be a whole URL, the schema is https or http."""
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return ""
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{url}:{connection.port}" if connection.port else url
