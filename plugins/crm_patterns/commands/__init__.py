"""What `python -m crm_patterns` does, a command a module. Airflow's connections must be there, as for a task."""
