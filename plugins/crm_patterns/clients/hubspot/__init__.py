"""HubSpot: CRM objects over its public API."""
