"""Airflow connection `crm_state` → operational state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from crm_patterns.core.errors import IntegrationError

if TYPE_CHECKING:
    from crm_patterns.state import OperationalState


class StateHook(BaseHook):
    """
    Opens the operational state of a connection of type `sqlite` (an absolute path in host) or `postgres`.

    Airflow's Test button asks the hooks that own these two types whether the database answers; `test_connection` here
    also migrates it, so that a user without the right to make tables is told before the first run.
    """

    conn_name_attr = "state_conn_id"
    default_conn_name = "crm_state"

    def __init__(self, state_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.state_conn_id = state_conn_id

    def state(self, *, patience_s: float | None = None) -> OperationalState:
        """
        FixSettings where type or fields of the connection cannot hold a state. Opened on first use, not here.

        `patience_s` bounds the wait for a lock, for those who have to answer soon.
        """
        from crm_patterns.state import open_state

        connection = self.get_connection(self.state_conn_id)
        return open_state(connection) if patience_s is None else open_state(connection, patience_s=patience_s)

    def get_conn(self) -> OperationalState:
        return self.state()

    def test_connection(self) -> tuple[bool, str]:
        """Opens, migrates where needed, and says where the state lives, or what to fix."""
        try:
            state = self.state()
            state.prepare()
        except IntegrationError as problem:
            return False, str(problem)
        place = state.place
        state.close()
        return True, f"The operational state at {place} answers and has the present schema."
