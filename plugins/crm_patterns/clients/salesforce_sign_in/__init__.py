"""Signing in to Salesforce, which every API behind its door shares: the org itself and Account Engagement."""
