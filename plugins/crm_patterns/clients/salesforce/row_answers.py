"""Salesforce's word on one row → an answer. "SOAP API Developer Guide", StatusCode: the same codes in every API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_patterns.core.changes import Action, Change
from crm_patterns.core.ports import Answer, WriteAnswer
from crm_patterns.core.targets import TargetDescription

LOCKED = "UNABLE_TO_LOCK_ROW"

LATER = frozenset({
    LOCKED, "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "TXN_SECURITY_METERING_ERROR", "QUERY_TIMEOUT",
    "REQUEST_LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED", "EXCEEDED_QUOTA", "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "PROCESSING_HALTED", "APEX_DATA_ACCESS_RESTRICTION_TIMEOUT",
})  # fmt: skip
"""The row was not written, and nothing is wrong with it."""

MAY_WRAP = frozenset({"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "CANNOT_EXECUTE_FLOW_TRIGGER"})
"""A trigger or flow failed; where it met a lock, its text names the code of it."""

BAD_CHOICE = frozenset({"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"})

_BULK = re.compile(r"(?P<code>[A-Z][A-Z_]*):(?P<text>.*):(?P<fields>[\w,. ]*)--\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row was not written: the code, the sentence, the first field that was named."""

    code: str
    text: str
    field_name: str = ""

    @property
    def is_lock(self) -> bool:
        return self.code == LOCKED or (self.code in MAY_WRAP and LOCKED in re.findall(r"[A-Z_]+", self.text))


def of_collection(data: Mapping[str, Any]) -> RowProblem:
    """The first error of a row of sObject Collections."""
    error: Mapping[str, Any] = next(iter(data.get("errors") or ()), {})
    names = error.get("fields") or ()
    code = error.get("statusCode") or error.get("errorCode") or ""
    return RowProblem(str(code), str(error.get("message") or "no reason given"), str(names[0]) if names else "")


def of_bulk(text: str) -> RowProblem:
    """`CODE:message:FIELD1,FIELD2 --` of a failed row. The message may hold colons and line breaks itself."""
    found = _BULK.fullmatch(text)
    if found is None:
        code, _, rest = text.partition(":")
        return RowProblem(code, rest or text)
    return RowProblem(found["code"], found["text"], found["fields"].split(",")[0].strip())


def accepted(change: Change, record_id: str, *, created: bool) -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.ACCEPTED, record_id or change.record_id, created)


def refusal(change: Change, problem: RowProblem, about: TargetDescription) -> WriteAnswer:
    """What the row's error means for the change. To delete what is deleted is no error."""
    if change.action is Action.DELETE and problem.code == "ENTITY_IS_DELETED":
        return accepted(change, change.record_id, created=False)
    if problem.is_lock:
        return later(change, f"Salesforce could not lock the row or its parent: {problem.text}", LOCKED)
    if problem.code in LATER:
        reason = f"Salesforce could not write it now: {problem.text}"
        return later(change, reason, problem.code)
    known = about.by_name.get(problem.field_name.lower())
    return WriteAnswer(
        change.change_id,
        Answer.REJECTED,
        reason=f"Salesforce refused it: {problem.text}",
        rule=problem.code,
        field_name=problem.field_name,
        allowed=known.values if known is not None and problem.code in BAD_CHOICE else (),
    )


def later(change: Change, reason: str, rule: str = "") -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.LATER, reason=reason, rule=rule)


def unknown(change: Change, reason: str) -> WriteAnswer:
    return WriteAnswer(change.change_id, Answer.UNKNOWN, reason=reason)
