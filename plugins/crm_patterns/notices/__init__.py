"""
What people are told in Slack: a run failed, is green again or set something aside, or is late.

One message per run, never one per task. Slack or the state being down is logged and changes nothing for the run.
Importing this package loads neither slack_sdk nor anything else beyond `airflow.sdk`: it is imported at every parse.
"""

from crm_patterns.notices.deadlines import deadline_alert, deadline_missed
from crm_patterns.notices.runs import RunFailedNotice, RunRecoveredNotice

__all__ = ["RunFailedNotice", "RunRecoveredNotice", "deadline_alert", "deadline_missed"]
