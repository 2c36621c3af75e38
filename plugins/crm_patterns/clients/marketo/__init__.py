"""Adobe Marketo Engage: leads over its REST API."""
