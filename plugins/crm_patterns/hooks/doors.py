"""Airflow connections → what the receiver of webhooks has to know of its senders."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from crm_patterns.patterns.hubspot_webhooks import HubSpotDoor
from crm_patterns.patterns.outbound_messages import SalesforceDoor


def hubspot_door(conn_id: str = "hubspot_default") -> HubSpotDoor:
    """
    Extras `webhook_secret` (the app's client secret; with OAuth it is the password already),
    `previous_webhook_secret` while one is replaced, `public_url`, `portal_id` and `app_id`.
    """
    extras, password = _connection(conn_id)
    secret = extras.get("webhook_secret") or (password if extras.get("refresh_token") else "")
    return HubSpotDoor(
        _secrets(secret, extras.get("previous_webhook_secret")),
        public_url=str(extras.get("public_url") or ""),
        portal_id=str(extras.get("portal_id") or ""),
        app_id=str(extras.get("app_id") or ""),
    )


def salesforce_door(conn_id: str = "salesforce_default") -> SalesforceDoor:
    """
    Extras `outbound_message_secret`, `previous_outbound_message_secret`, and `outbound_message_organization_id`, or
    the `organization_id` of a connection that signs in with it.
    """
    extras, _ = _connection(conn_id)
    organization = extras.get("outbound_message_organization_id") or extras.get("organization_id") or ""
    secrets = _secrets(extras.get("outbound_message_secret"), extras.get("previous_outbound_message_secret"))
    return SalesforceDoor(secrets, organization_id=str(organization))


def _connection(conn_id: str) -> tuple[dict[str, Any], str]:
    """Extras and password; nothing where there is no such connection."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        return {}, ""
    return connection.extra_dejson, connection.password or ""


def _secrets(*given: Any) -> tuple[str, ...]:
    found = tuple(str(each) for each in given if each)
    for each in found:
        mask_secret(each)
    return found
