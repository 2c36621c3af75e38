"""
What people are told in Slack: a run failed, is green again or set something aside, or is late; fields changed.

One message of a kind per run, never one per task. Slack or the state being down is logged and the run stays as it is.
Importing this package loads neither slack_sdk nor anything else beyond `airflow.sdk`: it is imported at every parse.
"""

from crm_patterns.notices.deadlines import deadline_alert, deadline_missed
from crm_patterns.notices.runs import DriftNotice, RunFailedNotice, RunRecoveredNotice, SchemaChangedNotice

__all__ = [
    "DriftNotice",
    "RunFailedNotice",
    "RunRecoveredNotice",
    "SchemaChangedNotice",
    "deadline_alert",
    "deadline_missed",
]
