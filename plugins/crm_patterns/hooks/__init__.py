"""Airflow connection → client, warehouse, stage, state."""
