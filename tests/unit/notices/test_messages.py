"""Each notice says which DAG, what, why, where and what next, within Slack's limits however long the facts are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_patterns.notices.blocks import MAX_BLOCKS, MAX_HEADER, MAX_SECTION, MAX_TEXT, Message
from crm_patterns.notices.messages import (
    Fault,
    FieldChange,
    RunFacts,
    SetAside,
    caught_up,
    deferred,
    failed,
    late,
    partial,
    question,
    recovered,
    schema_changed,
)

RUN = RunFacts("crm_warehouse_elt", "manual__2026-03-01T12:00:00+00:00", "manual", "http://air/dags/d/runs/r")
FAULT = Fault("Account", "The password is wrong.", "Set a new one.", "extract", "http://air/tasks/Account.extract")
DUE = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG = "<&>é" * 3_000


def texts(told: Message) -> str:
    return json.dumps(told.blocks, ensure_ascii=False)


def head(told: Message) -> str:
    return str(told.blocks[0]["text"]["text"])


def assert_within_limits(told: Message) -> None:
    assert 0 < len(told.blocks) <= MAX_BLOCKS
    assert 0 < len(told.text) <= MAX_TEXT
    for block in told.blocks:
        inner: list[dict[str, Any]] = block["elements"] if block["type"] == "context" else [block["text"]]
        limit = MAX_HEADER if block["type"] == "header" else MAX_SECTION
        assert all(0 < len(part["text"]) <= limit for part in inner)


def test_a_failure_names_dag_object_reason_fix_run_and_log() -> None:
    told = failed(RUN, [FAULT])

    assert head(told) == "🔴 crm_warehouse_elt failed: Account"
    for part in ("*Account* · extract", FAULT.problem, FAULT.fix, RUN.run_id, f"<{RUN.run_url}|", f"<{FAULT.log_url}|"):
        assert part in texts(told)
    assert told.text == "crm_warehouse_elt failed: Account. The password is wrong. Set a new one."


def test_waiting_for_quota_says_for_what_why_and_that_it_goes_on_by_itself() -> None:
    told = deferred(RUN, objects=["Account", "Lead", "Task", "User"], reason="API calls: 9 of 100 left.")
    over = caught_up(RUN, objects=["Account", "Lead", "Task", "User"])

    assert head(told) == "⏸️ crm_warehouse_elt waits for quota: Account, Lead, Task and 1 more"
    assert head(over) == "🟢 crm_warehouse_elt has caught up"
    for part in ("API calls: 9 of 100 left.", "goes on from where", RUN.run_id, f"<{RUN.run_url}|"):
        assert part in texts(told)
    for each in (told, over, deferred(RUN, objects=[LONG] * 30, reason=LONG), caught_up(RUN, objects=[LONG] * 30)):
        assert_within_limits(each)


def test_a_question_says_what_would_go_where_to_answer_and_by_when() -> None:
    wait = timedelta(hours=1)
    told = question(RUN, name="Account", reason="400 of 1,000 rows would go", page="http://air/t", wait=wait)

    assert head(told) == "🟣 crm_warehouse_elt asks: publish Account?"
    for part in ("400 of 1,000 rows would go. Nothing of it is published", "within 1 h", "<http://air/t|", RUN.run_id):
        assert part in texts(told)
    assert_within_limits(question(RUN, name=LONG, reason=LONG, page="", wait=wait))


def test_a_question_about_a_plan_says_where_all_of_it_is() -> None:
    wait = timedelta(hours=1)
    told = question(RUN, name="people", reason="9 deletes", page="http://air/t", looked_at="http://air/p", wait=wait)

    assert head(told) == "🟣 crm_warehouse_elt asks: write people?"
    for part in ("Nothing of it is written", "<http://air/t|", "<http://air/p|The whole plan>"):
        assert part in texts(told)


def test_many_failed_objects_are_one_message_that_says_how_many_it_leaves_out() -> None:
    told = failed(RUN, [Fault(f"Object{n}", "No.") for n in range(20)])

    assert head(told) == "🔴 crm_warehouse_elt failed: Object0, Object1, Object2 and 17 more"
    assert "… and 12 more" in texts(told)
    assert_within_limits(told)


def test_a_recovery_says_what_it_recovered_from() -> None:
    assert "Account: The password is wrong." in texts(recovered(RUN, "Account: The password is wrong."))


@pytest.mark.parametrize(
    ("rejected", "deferred", "counts"),
    [(1_234, 0, "1,234 set aside"), (0, 5, "5 left for a later run"), (2, 5, "2 set aside and 5 left for a later run")],
)
def test_a_partial_run_says_how_many_of_what_and_why(rejected: int, deferred: int, counts: str) -> None:
    reasons = [SetAside("Contact", "email: not an address", 1_200)]

    told = partial(RUN, rejected=rejected, deferred=deferred, objects=["Contact", "Lead"], reasons=reasons)

    assert head(told) == f"🟡 crm_warehouse_elt: {counts}"
    assert "*Contact*: 1,200 × email: not an address" in texts(told)
    assert "Contact, Lead" in texts(told)
    assert "Green again" not in texts(told)


def test_a_partial_run_that_ends_a_failure_says_both_in_one_message() -> None:
    told = partial(RUN, rejected=1, deferred=0, objects=["Lead"], reasons=[], recovered_from="Lead: no")

    assert "Green again; it had failed with: Lead: no" in texts(told)


def test_changed_fields_are_one_message_that_says_which_to_look_at() -> None:
    grave = FieldChange("Account", "Region__c is gone from the source.", is_grave=True)
    small = FieldChange("Lead", "The label of Score__c changed.", is_grave=False)

    told = schema_changed(RUN, [grave, small])

    assert head(told) == "🔵 crm_warehouse_elt: 2 field changes in the CRM, 1 to look at"
    for part in (f"⚠️ *Account*: {grave.sentence}", f"• *Lead*: {small.sentence}", "OPS.SCHEMA_CHANGES", RUN.run_id):
        assert part in texts(told)
    assert head(schema_changed(RUN, [small])) == "🔵 crm_warehouse_elt: 1 field change in the CRM"
    assert "… and 3 more." in texts(schema_changed(RUN, [small] * 23))


def test_a_late_run_says_by_how_much() -> None:
    now = DUE + timedelta(hours=1, minutes=2, seconds=3)

    told = late(RUN, allowed=timedelta(minutes=45), due=DUE, now=now, state="running")

    assert (
        "is running and was due 2026-03-01 12:00:00 UTC, 45 min after it was queued; that is 1 h 2 min ago" in told.text
    )


@pytest.mark.parametrize(
    "told",
    [
        failed(
            RunFacts(LONG, LONG, LONG, "http://air/" + "x" * 1_080),
            [Fault(LONG, LONG, LONG, LONG, "http://a/" + "x" * 1_080)] * 30,
        ),
        recovered(RunFacts(LONG, LONG), LONG),
        partial(
            RunFacts(LONG, LONG), rejected=1, deferred=1, objects=[LONG] * 20, reasons=[SetAside(LONG, LONG, 7)] * 20
        ),
        late(RunFacts(LONG, LONG), allowed=timedelta(1), due=DUE, now=DUE, state=LONG),
        schema_changed(RunFacts(LONG, LONG), [FieldChange(LONG, LONG, True)] * 50),
    ],
    ids=["failed", "recovered", "partial", "late", "schema changed"],
)
def test_no_facts_are_too_long_for_slack(told: Message) -> None:
    assert_within_limits(told)
