"""Airflow connection of type `salesforce` → source and sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from crm_patterns.core.keys import NO_KEYS, KeyRing

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from crm_patterns.clients.salesforce.client import SalesforceClient
    from crm_patterns.clients.salesforce.sink import SalesforceSink
    from crm_patterns.clients.salesforce.writing import WriteOptions
    from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection

FIELDS = (
    "login_url", "domain", "instance", "instance_url", "consumer_key", "consumer_secret", "private_key",
    "private_key_file_path", "security_token", "organization_id", "session_id", "sign_in", "proxies",
)  # fmt: skip
"""Extras that are read: the provider's own, and `login_url`, `sign_in` and `session_id`, which are ours."""


class SalesforceHook(BaseHook):
    """
    Every way of signing in that the Salesforce provider's form offers, so that a connection people have keeps working.

    `login_url` (full URL, scheme and port as given) names the authorization host where `domain` cannot.
    """

    conn_name_attr = "salesforce_conn_id"
    default_conn_name = "salesforce_default"

    def __init__(self, salesforce_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.salesforce_conn_id = salesforce_conn_id

    def source(
        self, *, page_rows: int | None = None, pages_ahead: int | None = None, hash_keys: KeyRing = NO_KEYS
    ) -> SalesforceClient:
        """
        A client for one task. Pages bound its memory: rows per page, and pages fetched ahead.

        `hash_keys` are needed where rows of an object with hashed columns are read.
        """
        from crm_patterns.clients.salesforce.client import SalesforceClient
        from crm_patterns.clients.salesforce.results import PageOptions

        connection = self.get_connection(self.salesforce_conn_id)
        standard = PageOptions()
        pages = PageOptions(
            rows=page_rows or standard.rows,
            ahead=pages_ahead or standard.ahead,
            gzip=connection.extra_dejson.get("gzip", standard.gzip),
        )
        return SalesforceClient(settings_of(connection), pages=pages, hash_keys=hash_keys)

    def sink(self, *, options: WriteOptions | None = None) -> SalesforceSink:
        """A client for one task that writes. `options`: from how many rows on a bulk job is used, and so on."""
        from crm_patterns.clients.salesforce.sink import SalesforceSink

        return SalesforceSink(settings_of(self.get_connection(self.salesforce_conn_id)), options=options)


class SalesforceSourceHook(SalesforceHook):
    """The same under the name that the reading pattern has for a connection."""

    conn_name_attr = "source_conn_id"

    def __init__(self, source_conn_id: str = SalesforceHook.default_conn_name) -> None:
        super().__init__(source_conn_id)
        self.source_conn_id = source_conn_id


def settings_of(connection: Connection) -> SalesforceConnection:
    """The fields of an Airflow connection as our settings, with every way of signing in."""
    from crm_patterns.clients.salesforce_sign_in.connection import SalesforceConnection

    extras = connection.extra_dejson
    given: dict[str, Any] = {name: _extra(extras, name) for name in FIELDS}
    if version := _extra(extras, "version"):
        given["version"] = str(version)
    return SalesforceConnection(username=connection.login, password=connection.password, **given)


def _extra(extras: dict[str, Any], name: str) -> Any:
    """The field under its short name or under the prefix of older connections; empty text is not given."""
    return extras.get(name) or extras.get(f"extra__salesforce__{name}") or None
