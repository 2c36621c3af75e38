"""The callbacks of a DAG's end, as a DAG file names them; what they say is made in `announcing`, loaded only then."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context

    from crm_patterns.notices.announcing import Channel

log = logging.getLogger(__name__)


class RunNotice(BaseNotifier):
    """Shared by those below: where the state and Slack are, and that nothing gets out of `notify`."""

    def __init__(self, *, slack_conn_id: str = "slack_default", state_conn_id: str = "crm_state") -> None:
        super().__init__()
        self.slack_conn_id = slack_conn_id
        self.state_conn_id = state_conn_id

    def notify(self, context: Context) -> None:
        """Send what there is to say, once. Whatever goes wrong is logged and stays here."""
        try:
            self._announce(context)
        except Exception:
            log.exception("The notice could not be made. The run is not affected.")

    def _announce(self, context: Context) -> None:
        raise NotImplementedError

    def _channel(self) -> Channel:
        from crm_patterns.notices.announcing import Channel

        return Channel(self.slack_conn_id, self.state_conn_id)


class RunFailedNotice(RunNotice):
    """
    `on_failure_callback` of a DAG: one message per failed run, from the ledger's outcomes.

    Opens an incident, so that the same run failing again (cleared, or told twice) is not announced again until it or a
    later run was green. A message that Slack did not take leaves no incident. Without the state the message is still
    sent, with Airflow's own reason.
    """

    def _announce(self, context: Context) -> None:
        from crm_patterns.notices.announcing import announce_deferral, announce_failure

        announce_failure(context, self._channel())
        announce_deferral(context, self._channel())


class RunRecoveredNotice(RunNotice):
    """
    `on_success_callback` of a DAG: says when it is green again after an announced failure, and what a `partial` run
    set aside. A green run with nothing to say is silent, and without the state every run is. Both notices say when
    objects begin to wait for quota, and when the last of them has been read again.

    A backfill ends the incident of its own run only, and a later run does not end that of a backfill: the window that
    failed is still missing.
    """

    def _announce(self, context: Context) -> None:
        from crm_patterns.notices.announcing import announce_deferral, announce_recovery

        announce_recovery(context, self._channel())
        announce_deferral(context, self._channel())


class SchemaChangedNotice(RunNotice):
    """
    `on_success_callback` and `on_failure_callback` of a DAG: one message with every recorded change of a field.

    A message that Slack did not take goes out with the next run's. A run without changes is silent.
    """

    def _announce(self, context: Context) -> None:
        from crm_patterns.notices.announcing import announce_schema_changes

        announce_schema_changes(context, self._channel())


class DriftNotice(RunNotice):
    """
    `on_success_callback` and `on_failure_callback` of a DAG: one message with what the run found different, and with
    fields that were seen to change without a stamp for the first time. A run without either is silent.
    """

    def _announce(self, context: Context) -> None:
        from crm_patterns.notices.announcing import announce_drift

        announce_drift(context, self._channel())
