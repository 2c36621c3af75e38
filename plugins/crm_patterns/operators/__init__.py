"""One Airflow operator per step: they wire hooks to steps and decide nothing."""
