"""Salesforce as a source: REST and Bulk API 2.0 query."""
