"""Airflow connection `crm_keys` → the package's own keys."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.keys import KeyRing, Purpose


class KeysHook(BaseHook):
    """
    A connection of any type. Password, or the extra `hash_secret`: the key of hashed columns. Extra `stage_secret`: the
    key of staged files. `previous_hash_secrets`, `previous_stage_secrets`: lists of the ones before.
    """

    conn_name_attr = "keys_conn_id"
    default_conn_name = "crm_keys"

    def __init__(self, keys_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.keys_conn_id = keys_conn_id

    def ring(self, purpose: Purpose) -> KeyRing:
        """Empty where there is no connection or no such key on it."""
        try:
            connection = self.get_connection(self.keys_conn_id)
        except AirflowNotFoundException:
            return KeyRing(purpose, ())
        extras = connection.extra_dejson
        current = extras.get(f"{purpose}_secret") or (connection.password if purpose is Purpose.HASH else None)
        earlier = _list(extras.get(f"previous_{purpose}_secrets"), f"previous_{purpose}_secrets", self.keys_conn_id)
        secrets = [str(secret) for secret in (current, *earlier) if secret] if current else []
        for secret in secrets:
            mask_secret(secret)
        return KeyRing(purpose, secrets)


def _list(given: Any, name: str, conn_id: str) -> list[Any]:
    """A list, or its JSON: connection forms keep texts."""
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError:
            given = [given]
    if given and not isinstance(given, list):
        raise FixSettings(f"The extra {name} of the connection {conn_id} is not a list.", fix="Write it as a list.")
    return given or []
