"""A stand-in for a business unit of Account Engagement (Pardot), API version 5; signing in is Salesforce's."""
