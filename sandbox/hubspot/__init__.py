"""A stand-in for a HubSpot account: CRM objects, properties, associations, search, consent, events, webhooks."""
