"""Late commits: a record whose stamp lies in the past and that nobody could see until now.

Salesforce sets SystemModstamp while a transaction runs and shows the row when it commits, minutes later at worst.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.store import Org
from sandbox.salesforce.writes import Writer, transaction


@dataclass(frozen=True, slots=True)
class LateCommit:
    """A write that has been made but not committed: an update when `values` hold an Id, else an insert."""

    number: int
    object_name: str
    values: Mapping[str, Any]
    stamp: datetime
    user_id: str


class LateCommits:
    """The writes of an org that wait for their commit. They live as long as the process."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._waiting: dict[int, LateCommit] = {}
        self._numbers = count(1)

    def hold(
        self, object_name: str, values: Mapping[str, Any], *, age_s: int, after_s: float | None, user_id: str
    ) -> LateCommit:
        """Stamp a write `age_s` seconds ago and commit it after `after_s` seconds, or, with None, when told to."""
        stamp = self.org.stamp() - timedelta(seconds=age_s)
        late = LateCommit(next(self._numbers), self.org.object(object_name).name, values, stamp, user_id)
        self._waiting[late.number] = late
        if after_s is not None:
            timer = threading.Timer(after_s, self._commit_quietly, [late.number])
            timer.daemon = True
            timer.start()
        return late

    def waiting(self) -> list[dict[str, Any]]:
        return [
            {
                "id": late.number,
                "object": late.object_name,
                "values": dict(late.values),
                "stamp": f"{late.stamp:%Y-%m-%dT%H:%M:%SZ}",
            }
            for late in self._waiting.values()
        ]

    def commit(self, number: int) -> str:
        """Make the write visible now; returns the record's id. Raises SalesforceFault when it cannot be written."""
        late = self._waiting.pop(number, None)
        if late is None:
            raise SalesforceFault(404, "NOT_FOUND", f"No late commit {number} is waiting")
        operation = "update" if "Id" in late.values else "insert"
        with transaction(self.org) as cursor:
            writer = Writer(self.org, object_name=late.object_name, user_id=late.user_id)
            outcome = writer.write([late.values], operation=operation)[0]
            if outcome.errors:
                error = outcome.errors[0]
                raise SalesforceFault(400, error.code, error.message, error.fields)
            names = ("CreatedDate", "LastModifiedDate", "SystemModstamp")[1 if operation == "update" else 0 :]
            stamped = [name for name in names if name in writer.spec.fields]
            assignments = ", ".join(f'"{name}" = $stamp' for name in stamped)
            sql = f'update {self.org.table(late.object_name)} set {assignments} where "Id" = $id'
            cursor.execute(sql, {"stamp": late.stamp, "id": outcome.id})
        return str(outcome.id)

    def _commit_quietly(self, number: int) -> None:
        if number in self._waiting:
            self.commit(number)
