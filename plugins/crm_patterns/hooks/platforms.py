"""The systems that are written to, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_patterns.core.errors import FixSettings

if TYPE_CHECKING:
    from crm_patterns.core.ports import Sink


def sink_of(system: str, conn_id: str) -> Sink:
    """A client for one task; close it when done. FixSettings where the connection is incomplete."""
    match system:
        case "salesforce":
            from crm_patterns.hooks.salesforce import SalesforceHook

            return SalesforceHook(conn_id).sink()
        case "hubspot":
            from crm_patterns.hooks.hubspot import HubSpotHook

            return HubSpotHook(conn_id).sink()
        case "marketo":
            from crm_patterns.hooks.marketo import MarketoHook

            return MarketoHook(conn_id).sink()
        case "pardot":
            from crm_patterns.hooks.pardot import PardotHook

            return PardotHook(conn_id).sink()
    raise FixSettings(f"There is no system {system} to write to.", fix="Correct marketing_sync.yaml.")
