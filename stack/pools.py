"""The pools of airflow_settings.yaml, made in the running Airflow."""

from typing import Any

import yaml

from stack.airflow_api import AirflowApi
from stack.errors import StackError
from stack.home import REPOSITORY

SETTINGS_FILE = REPOSITORY / "airflow_settings.yaml"


def declared_pools() -> list[dict[str, Any]]:
    """Pools as the Astro CLI reads them: pool_name, pool_slot, pool_description."""
    document = yaml.safe_load(SETTINGS_FILE.read_text(encoding="utf-8"))
    pools = document["airflow"]["pools"]
    for pool in pools:
        if not {"pool_name", "pool_slot", "pool_description"} <= pool.keys():
            raise StackError(f"{SETTINGS_FILE}: a pool needs pool_name, pool_slot and pool_description, not {pool}.")
    return list(pools)


def create_pools(api: AirflowApi) -> None:
    """Make those that are missing."""
    for pool in declared_pools():
        api.create_pool(pool["pool_name"], slots=int(pool["pool_slot"]), description=pool["pool_description"])
