"""The index behind search: it learns of changes later than everything else does."""

import heapq
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count

from sandbox.clock import Clock
from sandbox.hubspot.records import Record, Records

ANSWERS_KEPT = 16

Test = Callable[[Record], bool]
Order = Callable[[Sequence[Record]], list[Record]]


class SearchIndex:
    """Records as search sees them. Archived ones are not in it."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._clock = clock
        self.type = records.type
        self.properties = records.properties
        self._known: dict[int, Record] = {}
        self._state: dict[int, int] = {}  # which of a record's states was taken in, in the order in which they came
        self._waiting: list[tuple[float, int, Record]] = []
        self._numbers = count(1)
        self._answers: OrderedDict[str, list[Record]] = OrderedDict()

    def learn(self, record: Record, *, lag_s: float) -> None:
        """See this state of the record after `lag_s` seconds of the account's clock."""
        number = next(self._numbers)
        if lag_s <= 0:
            self._take(number, record)
        else:
            heapq.heappush(self._waiting, (self._clock.now_ms() + lag_s * 1000, number, record))

    def forget(self, record_id: int) -> None:
        """Never find this record again, whatever still waits of it."""
        self._known.pop(record_id, None)
        self._state[record_id] = next(self._numbers)
        self._answers.clear()

    def catch_up(self, *, everything: bool = False) -> None:
        """Take in what is due, or `everything` that waits."""
        now = self._clock.now_ms()
        while self._waiting and (everything or self._waiting[0][0] <= now):
            _, number, record = heapq.heappop(self._waiting)
            self._take(number, record)

    def answer(self, question: str, *, accepts: Test, order: Order) -> list[Record]:
        """All records that are accepted, in order. Asked again before anything changed, it costs nothing."""
        self.catch_up()
        if question not in self._answers:
            self._answers[question] = order([record for record in self._known.values() if accepts(record)])
            while len(self._answers) > ANSWERS_KEPT:
                self._answers.popitem(last=False)
        return self._answers[question]

    def _take(self, number: int, record: Record) -> None:
        if self._state.get(record.id, 0) > number:
            return
        self._state[record.id] = number
        if record.archived_ms is None:
            self._known[record.id] = record
        else:
            self._known.pop(record.id, None)
        self._answers.clear()


def after_id(found: list[Record], last_id: int) -> list[Record]:
    """The part of an answer, which is in order of ids, that lies beyond an id."""
    return found[bisect_right(found, last_id, key=lambda record: record.id) :]
