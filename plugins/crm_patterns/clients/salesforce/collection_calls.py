"""Few rows: sObject Collections, up to 200 in a call, each with its own outcome, one call after another."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from crm_patterns.clients.retrying import Unanswered
from crm_patterns.clients.salesforce import row_answers
from crm_patterns.clients.salesforce.errors import RequestRefused
from crm_patterns.clients.salesforce.operations import Operation, Verb
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.row_answers import RowProblem
from crm_patterns.clients.salesforce.target_wire import SObject, json_record
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.transport import Call
from crm_patterns.core.changes import Change
from crm_patterns.core.ports import WriteAnswer

MOST_ROWS = 200

Answers = MutableMapping[str, WriteAnswer]


class CollectionCalls:
    """Writes to one object. `assignment`: the header that says which assignment rule new records go by."""

    def __init__(self, org: Org, about: SObject, *, assignment: str) -> None:
        self._org = org
        self._about = about
        self._headers = {"Content-Type": "application/json; charset=UTF-8", "Sforce-Auto-Assign": assignment}

    def write(self, operation: Operation, changes: Sequence[Change], answers: Answers) -> None:
        """
        One call for up to 200; where it is refused as a whole for the sake of a row, one for each half, down to it.

        Answers are added as they come, so that none is lost where a later call fails.
        """
        try:
            reply = self._org.transport.send(self._call(operation, changes))
        except Unanswered as error:
            answers.update((each.change_id, row_answers.unknown(each, error.problem)) for each in changes)
            return
        except RequestRefused as error:
            if len(changes) == 1:
                problem = RowProblem("JSON_PARSER_ERROR", error.problem)
                answers[changes[0].change_id] = row_answers.refusal(changes[0], problem, self._about.description)
                return
            middle = len(changes) // 2
            self.write(operation, changes[:middle], answers)
            self.write(operation, changes[middle:], answers)
            return
        answers.update((each.change_id, each) for each in self._read(operation, changes, reply.body))

    def _read(self, operation: Operation, changes: Sequence[Change], body: bytes) -> list[WriteAnswer]:
        """In the order of the request."""
        rows = read_json(body)
        if not isinstance(rows, list) or len(rows) != len(changes):
            lost = "Salesforce's answer does not have a row for each record."
            return [row_answers.unknown(change, lost) for change in changes]
        always_new = operation.verb is Verb.INSERT
        return [
            row_answers.accepted(change, str(row.get("id") or ""), created=always_new or bool(row.get("created")))
            if row.get("success")
            else row_answers.refusal(change, row_answers.of_collection(row), self._about.description)
            for change, row in zip(changes, rows, strict=True)
        ]

    def _call(self, operation: Operation, changes: Sequence[Change]) -> Call:
        path = f"{self._org.base}/composite/sobjects"
        about = f"a batch of {len(changes)} {self._about.name}"
        if operation.verb is Verb.DELETE:
            params = {"ids": ",".join(change.record_id for change in changes), "allOrNone": "false"}
            return Call("DELETE", path, about, params=params, repeatable=False)
        records = ",".join(
            json_record(operation.values(change), object_name=self._about.name, record_id=change.record_id)
            for change in changes
        )
        content = f'{{"allOrNone":false,"records":[{records}]}}'.encode()
        if operation.verb is Verb.UPSERT:
            path = f"{path}/{self._about.name}/{operation.key}"
        method = "POST" if operation.verb is Verb.INSERT else "PATCH"
        return Call(method, path, about, content=content, headers=self._headers, repeatable=False)
