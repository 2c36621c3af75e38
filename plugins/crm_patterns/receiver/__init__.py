"""The door for webhooks, inside Airflow's API server."""
