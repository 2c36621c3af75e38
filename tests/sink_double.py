"""A sink in memory that implements the port: records by id, unique fields, lost answers, records not seen yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crm_patterns.core.changes import Action, Change
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.ports import Answer, Usage, WriteAnswer
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord
from crm_patterns.core.values import Value, is_blank
from crm_patterns.core.windows import Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class SinkDouble:
    """
    `refuses` names keys of changes that are rejected, `locked` those that are told later, `lost` those whose next write
    arrives while its answer does not; `drops` those whose next write never arrives and is not answered.

    `unique` fields refuse a second record with a value. `calls` counts calls, `written` records that changed.
    """

    name: str = "hubspot"
    object_name: str = "contacts"
    fields: tuple[TargetField, ...] = ()
    unique: tuple[str, ...] = ("email", "sf_id")
    records: dict[str, dict[str, Value]] = field(default_factory=dict)
    stamps: dict[str, datetime] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    clock: datetime = NOON
    size: int = 100
    lookup_lag_s: float = 0.0
    refuses: set[str] = field(default_factory=set)
    locked: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    drops: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    before_apply: Callable[[], None] | None = None
    calls: int = 0
    written: int = 0
    sent: list[Change] = field(default_factory=list)

    def now(self) -> datetime:
        return self.clock

    def edit(self, record_id: str, **values: Value) -> None:
        """As a person does, a minute later."""
        self.clock += timedelta(minutes=1)
        self.records.setdefault(record_id, {}).update(values)
        self.stamps[record_id] = self.clock

    def describe_target(self, object_name: str) -> TargetDescription:
        self.calls += 1
        names = dict.fromkeys(name for record in self.records.values() for name in record)
        described = self.fields or tuple(TargetField(name, FieldKind.TEXT) for name in names)
        return TargetDescription(object_name, described)

    def read_records(
        self, object_name: str, fields: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, TargetRecord]:
        self.calls += 1
        return {i: self._record(i, fields) for i in record_ids if i in self.records}

    def read_window(self, object_name: str, fields: Sequence[str], window: Window) -> Iterator[Sequence[TargetRecord]]:
        self.calls += 1
        yield [self._record(i, fields) for i in self.records if window.contains(self.stamps.get(i, NOON))]

    def find(
        self, object_name: str, field_name: str, values: Sequence[str], *, fields: Sequence[str]
    ) -> Mapping[str, Sequence[TargetRecord]]:
        self.calls += 1
        wanted = {value.lower() for value in values}
        found: dict[str, list[TargetRecord]] = {}
        for record_id, record in self.records.items():
            value = str(record.get(field_name) or "").lower()
            if value in wanted and record_id not in self.gone | self.hidden | self.merged.keys():
                for asked in (v for v in values if v.lower() == value):
                    found.setdefault(asked, []).append(self._record(record_id, fields))
        return found

    def batch_size(self, object_name: str, action: Action, *, changes: int) -> int:
        return self.size

    def apply(self, object_name: str, action: Action, batch: Sequence[Change]) -> Sequence[WriteAnswer]:
        self.calls += 1
        if self.before_apply is not None:
            self.before_apply()
        answers = [self._write(change) for change in batch]
        return [answer for answer in reversed(answers) if answer is not None]  # no order is promised

    def usage(self) -> Usage:
        return Usage(self.calls, None, None)

    def close(self) -> None: ...

    def _record(self, record_id: str, fields: Sequence[str]) -> TargetRecord:
        values = {name: self.records[record_id].get(name) for name in fields}
        stamp, left = self.stamps.get(record_id, NOON), self.merged.get(record_id, "")
        return TargetRecord(record_id, values, stamp, is_deleted=record_id in self.gone, merged_into=left)

    def _write(self, change: Change) -> WriteAnswer | None:
        self.sent.append(change)
        said = change.change_id
        if change.key in self.refuses:
            return WriteAnswer(said, Answer.REJECTED, reason="No.", rule="VALIDATION_ERROR", field_name="title")
        if change.key in self.locked:
            return WriteAnswer(said, Answer.LATER, reason="Locked.", rule="UNABLE_TO_LOCK_ROW")
        if change.key in self.drops:
            self.drops.discard(change.key)
            return WriteAnswer(said, Answer.UNKNOWN)
        if change.action is Action.CREATE and (held := self._conflict(change)):
            return WriteAnswer(said, Answer.REJECTED, reason=f"Existing ID: {held}", rule="CONFLICT")
        record_id = change.record_id or f"{self.name[0].upper()}{len(self.records) + 1:04d}"
        if change.action is Action.DELETE:
            self.gone.add(record_id)
        else:
            if change.record_id and record_id not in self.records:
                return WriteAnswer(said, Answer.REJECTED, reason="Not found.", rule="NOT_FOUND")
            self.edit(record_id, **dict(change.wanted))
        self.written += 1
        if change.key in self.lost:
            self.lost.discard(change.key)
            return None
        return WriteAnswer(said, Answer.ACCEPTED, record_id, created=change.action is Action.CREATE)

    def _conflict(self, change: Change) -> str:
        for name in self.unique:
            value = change.wanted.get(name)
            for record_id, record in self.records.items():
                if not is_blank(value) and record.get(name) == value and record_id not in self.gone:
                    return record_id
        return ""
