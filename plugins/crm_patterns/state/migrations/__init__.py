"""The steps from an empty database to the present tables, run by Alembic."""
