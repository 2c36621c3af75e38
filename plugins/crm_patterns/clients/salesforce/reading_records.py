"""Records of one object: by id, by value, by when they changed; deleted, merged and converted ones told as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from crm_patterns.clients.salesforce import soql, target_wire
from crm_patterns.clients.salesforce.deletion_log import deleted
from crm_patterns.clients.salesforce.looking import DELETED_REACH
from crm_patterns.clients.salesforce.org import Org
from crm_patterns.clients.salesforce.target_wire import STAMP, SObject, same_id
from crm_patterns.clients.salesforce.wire import read_json
from crm_patterns.clients.transport import Call
from crm_patterns.core.contracts import FieldKind
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import ReadRequest
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window

MOST_RETRIEVED = 2_000
"""Ids in one call of sObject Collections. "REST API Developer Guide": Get Records of the Same Object by ID."""

_MARGIN = timedelta(hours=1)

_UNQUOTED = frozenset({FieldKind.INTEGER, FieldKind.DECIMAL, FieldKind.BOOLEAN, FieldKind.DATE, FieldKind.TIMESTAMP, FieldKind.TIME})  # fmt: skip  # noqa: E501


class RecordReader:
    """Reads one object."""

    def __init__(self, org: Org, about: SObject) -> None:
        self._org = org
        self._about = about

    def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> dict[str, TargetRecord]:
        """As `Sink.read_records`: living ones by one call for 2,000, the others by queryAll."""
        asked = {same_id(each): each for each in ids}
        found: dict[str, TargetRecord] = {}
        for some in pieces(list(asked.values()), MOST_RETRIEVED):
            self._take(self._retrieved(some, fields), fields, asked, found)
        if left := [each for each in asked.values() if each not in found]:
            texts = list(soql.by_ids(self._about.name, self._selected(fields), left))
            for page in self._org.queries.records_of_all(texts, self._told, include_deleted=True):
                self._take(page, fields, asked, found)
        return found

    def by_value(self, fields: Sequence[str], name: str, values: Sequence[str]) -> dict[str, list[TargetRecord]]:
        """As `Sink.find`: compared without regard to case, but where the field minds it."""
        self._check([name])
        field = self._about.description.by_name[name.lower()]
        asked: dict[str, str] = {}
        for value in values:
            if value.strip():
                asked.setdefault(self._compared(field.name, value), value)
        texts = soql.by_value(
            self._about.name, self._selected([*fields, name]), name, list(asked.values()),
            also=_living(self._about), quoted=field.kind not in _UNQUOTED,
        )  # fmt: skip
        found: dict[str, list[TargetRecord]] = {}
        for page in self._org.queries.records_of_all(list(texts), self._told, include_deleted=False):
            for raw in page:
                told = {key.lower(): value for key, value in raw.items()}[name.lower()]
                key = self._compared(field.name, target_wire.said(target_wire.read_value(told, field.kind)))
                if key in asked:
                    found.setdefault(asked[key], []).append(self._record(raw, fields))
        return found

    def window(self, fields: Sequence[str], window: Window) -> Iterator[list[TargetRecord]]:
        """As `Sink.read_window`: by SystemModstamp, the bin included, and from the log what is not even in the bin."""
        gone = self._logged(window)
        request = ReadRequest(self._about.name, tuple(self._selected(fields)), STAMP, window)
        for page in self._org.queries.records(soql.select(request), self._told, include_deleted=True):
            for raw in page:
                gone.pop(same_id(raw["Id"]), None)
            yield [self._record(raw, fields) for raw in page]
        if gone:
            yield self._purged(gone)

    def _logged(self, window: Window) -> dict[str, TargetRecord]:
        """Who was deleted in the window by the log of deletions, which reaches back some weeks."""
        since = max(window.start or window.end, self._org.now() - DELETED_REACH + _MARGIN)
        if since >= window.end:
            return {}
        log = deleted(self._org.transport, self._about.name, base=self._org.base, since=since, until=window.end)
        inside = {key: at for key, at in log.deleted_at.items() if window.contains(at)}
        return {same_id(key): TargetRecord(key, modified_at=at, is_deleted=True) for key, at in inside.items()}

    def _purged(self, gone: Mapping[str, TargetRecord]) -> list[TargetRecord]:
        """Those that do not exist any more; the others changed again since, and another window has them."""
        ids = [record.record_id for record in gone.values()]
        texts = list(soql.by_ids(self._about.name, ("Id",), ids))
        existing = {
            same_id(raw["Id"])
            for page in self._org.queries.records_of_all(texts, self._told, include_deleted=True)
            for raw in page
        }
        return [record for key, record in gone.items() if key not in existing]

    def _retrieved(self, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        body = {"ids": list(ids), "fields": self._selected(fields)}
        call = Call("POST", f"{self._org.base}/composite/sobjects/{self._about.name}", self._told, json=body)
        return [raw for raw in read_json(self._org.transport.send(call).body) if raw is not None]

    def _take(
        self, raws: Sequence[Mapping[str, Any]], fields: Sequence[str], asked: Mapping[str, str],
        found: dict[str, TargetRecord],
    ) -> None:  # fmt: skip
        for raw in raws:
            found[asked[same_id(raw["Id"])]] = self._record(raw, fields)

    def _record(self, raw: Mapping[str, Any], fields: Sequence[str]) -> TargetRecord:
        return target_wire.read_record(raw, fields, self._about)

    def _selected(self, fields: Sequence[str]) -> list[str]:
        """With what every record tells; no name twice, whatever its case."""
        self._check(fields)
        return list({name.lower(): name for name in (*fields, "Id", STAMP, *self._about.marks)}.values())

    def _check(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name.lower() not in self._about.description.by_name]
        if unknown:
            raise FixSettings(
                f"Salesforce's {self._about.name} has no field {', '.join(unknown)}, or this user may not see it.",
                fix="Correct the name in the settings, or give the integration user the permission.",
            )

    def _compared(self, name: str, value: str) -> str:
        text = value.strip()
        return text if name.lower() in self._about.case_sensitive else text.casefold()

    @property
    def _told(self) -> str:
        return f"records of {self._about.name}"


def _living(about: SObject) -> str:
    """A query does not see the bin; converted leads it does."""
    return "IsConverted = false" if "IsConverted" in about.marks else ""
