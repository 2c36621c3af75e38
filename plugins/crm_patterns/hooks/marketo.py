"""Airflow connection of type `http` or `marketo` → Marketo."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from crm_patterns.core.errors import FixSettings
from crm_patterns.hooks.testing import tested

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from crm_patterns.clients.marketo.client import MarketoClient
    from crm_patterns.clients.marketo.connection import MarketoConnection


class MarketoHook(BaseHook):
    """
    A custom service: client id as login, client secret as password. Host: the Munchkin id, or host, port and schema as
    for any `http` connection. Extras: `partition`, `daily_calls`, `first_lead_on` (see docs/marketo.md).
    """

    conn_name_attr = "marketo_conn_id"
    default_conn_name = "marketo_default"
    conn_type = "marketo"
    hook_name = "Marketo"

    def __init__(self, marketo_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.marketo_conn_id = marketo_conn_id

    def sink(self) -> MarketoClient:
        """A client for one task. FixSettings where the connection is incomplete."""
        from crm_patterns.clients.marketo.client import MarketoClient

        return MarketoClient(settings_of(self.get_connection(self.marketo_conn_id)))

    def get_conn(self) -> MarketoClient:
        return self.sink()

    def test_connection(self) -> tuple[bool, str]:
        """Signs in, reads the description of leads, a lead and the calls of today; writes nothing."""
        from crm_patterns.clients.marketo.client import MarketoClient

        return tested(
            lambda patience: MarketoClient(settings_of(self.get_connection(self.marketo_conn_id)), patience=patience)
        )


def settings_of(connection: Connection) -> MarketoConnection:
    """The fields of an Airflow connection as our settings. FixSettings for an extra that is no number or date."""
    from crm_patterns.clients.marketo.connection import DAILY_CALLS, MarketoConnection

    extras: dict[str, Any] = connection.extra_dejson
    try:
        daily_calls = int(extras.get("daily_calls") or DAILY_CALLS)
        first = extras.get("first_lead_on")
        first_lead_on = date.fromisoformat(str(first)) if first else None
    except ValueError as error:
        raise FixSettings(
            f"An extra of the Marketo connection cannot be read: {error}.",
            fix="daily_calls is a whole number, first_lead_on a date like 2019-05-01.",
        ) from error
    return MarketoConnection(
        base_url=_url(connection),
        client_id=connection.login,
        client_secret=connection.password,
        partition=str(extras.get("partition") or ""),
        daily_calls=daily_calls,
        first_lead_on=first_lead_on,
    )


def _url(connection: Connection) -> str:
    """As Airflow's own `http` connections are read: the host may be a whole URL, the schema is https or http."""
    host = (connection.host or "").strip().rstrip("/")
    if not host:
        return ""
    url = host if "://" in host else f"{connection.schema or 'https'}://{host}"
    return f"{url}:{connection.port}" if connection.port else url
