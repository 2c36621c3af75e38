"""Airflow connection of type `http` or `hubspot` → HubSpot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from crm_patterns.hooks.testing import tested

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from crm_patterns.clients.hubspot.client import HubSpotClient
    from crm_patterns.clients.hubspot.connection import HubSpotConnection


class HubSpotHook(BaseHook):
    """
    A private app's token (or service key) as password; or OAuth: client id as login, client secret as password, and
    the extra `refresh_token`. Host empty: HubSpot itself; else host, port and schema, as for any `http` connection.
    """

    conn_name_attr = "hubspot_conn_id"
    default_conn_name = "hubspot_default"
    conn_type = "hubspot"
    hook_name = "HubSpot"

    def __init__(self, hubspot_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.hubspot_conn_id = hubspot_conn_id

    def sink(self) -> HubSpotClient:
        """A client for one task. FixSettings where the connection holds no complete way to sign in."""
        from crm_patterns.clients.hubspot.client import HubSpotClient

        return HubSpotClient(settings_of(self.get_connection(self.hubspot_conn_id)))

    def get_conn(self) -> HubSpotClient:
        return self.sink()

    def test_connection(self) -> tuple[bool, str]:
        """Signs in, asks for the account and whether contacts and companies may be read; writes nothing."""
        from crm_patterns.clients.hubspot.client import HubSpotClient

        return tested(
            lambda patience: HubSpotClient(settings_of(self.get_connection(self.hubspot_conn_id)), patience=patience)
        )


def settings_of(connection: Connection) -> HubSpotConnection:
    """The fields of an Airflow connection as our settings."""
    from crm_patterns.clients.hubspot.connection import PUBLIC_URL, TOKEN_PATH, HubSpotConnection

    extras: dict[str, Any] = connection.extra_dejson
    refresh_token = extras.get("refresh_token") or None
    return HubSpotConnection(
        base_url=_url(connection) or PUBLIC_URL,
        access_token=None if refresh_token else connection.password or extras.get("access_token"),
        client_id=connection.login,
        client_secret=connection.password if refresh_token else None,
        refresh_token=refresh_token,
        token_path=str(extras.get("token_path") or TOKEN_PATH),
    )


def _url(connection: Connection) -> str:
    """As Airflow's own `http` connections are read: the host may be a whole URL, the schema is https or http."""
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return ""
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{url}:{connection.port}" if connection.port else url
