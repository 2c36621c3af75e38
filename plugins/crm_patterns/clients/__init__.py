"""The outside world: one folder per vendor, on shared ways to send, retry, sign in, page and type rows. No Airflow."""
