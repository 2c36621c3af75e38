"""Integration patterns between a CRM and the rest of the business, run by Apache Airflow."""
