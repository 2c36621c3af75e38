"""The local stack: Airflow, a Snowflake-compatible warehouse and the sandbox, as plain processes in one folder."""
