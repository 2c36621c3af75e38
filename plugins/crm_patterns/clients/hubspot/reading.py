"""Records of HubSpot: by id, by a value that is unique, by when they changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from crm_patterns.clients.hubspot import wire
from crm_patterns.clients.hubspot.api import HubSpotApi
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.pieces import pieces
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window

BATCH = 100
LIST_PAGE = 100
SEARCH_PAGE = 200
LONGEST_SEARCH = 3_000
LONGEST_QUERY = 6_000
"""Characters of `properties` in a URL; longer ones are answered 414 somewhere on the way."""
SEARCHED_VALUES = 50
"""Values of one search by IN: with the names of the properties they have to fit into `LONGEST_SEARCH`."""

MODIFIED = {"contacts": "lastmodifieddate"}
"""The property that says when a record changed; other objects have `hs_lastmodifieddate`. The wrong one finds none."""

Raw = Mapping[str, Any]


def modified_property(object_name: str) -> str:
    return MODIFIED.get(object_name, "hs_lastmodifieddate")


class Reader:
    """Reads one object whose description is known."""

    def __init__(self, api: HubSpotApi, description: TargetDescription) -> None:
        self._api = api
        self._about = description
        self._object = description.object_name
        self._path = f"/crm/v3/objects/{description.object_name}"

    # --- by key -------------------------------------------------------------------------------------------------------

    def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> dict[str, TargetRecord]:
        """As `Sink.read_records`: from the records themselves; merged and archived ones are told as such."""
        found: dict[str, TargetRecord] = {}
        for some in _chunks(ids, BATCH):
            for raw in self._batch_read(some, fields):
                record, kept = self._record(raw, fields), wire.merged_ids(raw)
                if record.record_id in some:
                    found[record.record_id] = record
                for loser in set(kept) & set(some):  # an id that was merged is answered with what is left
                    found[loser] = replace(record, record_id=loser, merged_into=record.record_id)
            if left := [each for each in some if each not in found]:
                found.update((str(raw["id"]), self._record(raw, fields)) for raw in self._batch_read(left, fields, archived=True))  # noqa: E501 # fmt: skip
        return found

    def by_unique(self, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[TargetRecord]]:
        """Records by a unique property, from the records themselves; contacts by a secondary e-mail address, too."""
        found: dict[str, list[TargetRecord]] = {}
        extra = (name, wire.OTHER_EMAILS) if name == "email" else (name,)
        for some in _chunks(values, BATCH):
            asked = {_compared(name, value): value for value in some}
            for raw in self._batch_read(list(asked.values()), [*fields, *extra], by=name):
                told = [raw["properties"].get(name) or ""]
                if name == "email":
                    told += (raw["properties"].get(wire.OTHER_EMAILS) or "").split(";")
                for value in told:
                    if value and (key := _compared(name, value)) in asked:
                        found[asked[key]] = [self._record(raw, fields)]
        return found

    def by_value(self, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[TargetRecord]]:
        """Records by any property, as the search index remembers them: it may not know the last minute yet."""
        found: dict[str, list[TargetRecord]] = {}
        for some in _chunks(values, SEARCHED_VALUES):
            asked = {value.lower(): value for value in some}
            filters = [{"propertyName": name, "operator": "IN", "values": list(asked)}]
            for raws in self._search(filters, [*fields, name]):
                for raw in raws:
                    value = str(raw["properties"].get(name) or "").lower()
                    if value in asked:
                        found.setdefault(asked[value], []).append(self._record(raw, fields))
        return found

    # --- by time ------------------------------------------------------------------------------------------------------

    def window(self, fields: Sequence[str], window: Window) -> Iterator[list[TargetRecord]]:
        """As `Sink.read_window`. Search is behind by seconds to minutes: let windows end some minutes ago."""
        raws = self._listed(fields) if window.start is None else self._search(self._in(window), fields)
        for page in raws:
            records = []
            for raw in page:
                record = self._record(raw, fields)
                if record.modified_at is None or record.modified_at < window.end:
                    records.append(record)
                at, winner = record.modified_at, record.record_id
                records += [TargetRecord(each, modified_at=at, merged_into=winner) for each in wire.merged_ids(raw)]
            yield records
        yield from self._archived(fields, window)

    def _in(self, window: Window) -> list[dict[str, Any]]:
        name = modified_property(self._object)
        start = (
            [{"propertyName": name, "operator": "GTE", "value": wire.epoch_ms(window.start)}] if window.start else []
        )
        return [*start, {"propertyName": name, "operator": "LT", "value": wire.epoch_ms(window.end)}]

    def _archived(self, fields: Sequence[str], window: Window) -> Iterator[list[TargetRecord]]:
        """HubSpot cannot be asked when records were archived: all of them are read (it keeps them for some months)."""
        for page in self._listed(fields, archived=True):
            deleted = [(self._record(raw, fields), wire.read_moment(raw.get("archivedAt"))) for raw in page]
            if inside := [record for record, at in deleted if at is None or window.contains(at)]:
                yield inside

    # --- pages --------------------------------------------------------------------------------------------------------

    def _search(self, filters: list[dict[str, Any]], fields: Sequence[str]) -> Iterator[list[Raw]]:
        """
        All that match, whatever their number: in order of ids, each page asked for beyond the last id.

        So no page lies past the 10,000 records that a search reaches, and records of one stamp are not parted.
        """
        last_id, about = "0", f"the search in {self._object}"
        while True:
            beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": last_id}
            asked: dict[str, Any] = {
                "filterGroups": [{"filters": [*filters, beyond]}],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "limit": SEARCH_PAGE,
            }
            body = _json({**asked, "properties": self._asked(fields)})
            whole = len(body) <= LONGEST_SEARCH
            answer = self._api.search(f"{self._path}/search", about, body if whole else _json({**asked, "properties": [wire.MERGED_IDS]}))  # noqa: E501 # fmt: skip
            raws = list(answer.get("results") or ())
            if not raws:
                return
            yield raws if whole else self._filled(raws, fields)
            if len(raws) < SEARCH_PAGE:
                return
            last_id = str(max(int(raw["id"]) for raw in raws))

    def _listed(self, fields: Sequence[str], *, archived: bool = False) -> Iterator[list[Raw]]:
        """Every record of the object, living or archived."""
        names = ",".join(self._asked(fields))
        whole = len(names) <= LONGEST_QUERY
        params = {"limit": str(LIST_PAGE), "archived": str(archived).lower()}
        params["properties"] = names if whole else wire.MERGED_IDS
        while True:
            answer = self._api.get(self._path, f"the list of {self._object}", params=params)
            raws = list(answer.get("results") or ())
            if raws:
                yield raws if whole else self._filled(raws, fields, archived=archived)
            after = ((answer.get("paging") or {}).get("next") or {}).get("after")
            if after is None:
                return
            params["after"] = str(after)

    def _filled(self, raws: list[Raw], fields: Sequence[str], *, archived: bool = False) -> list[Raw]:
        ids = [str(raw["id"]) for raw in raws]
        return [raw for some in _chunks(ids, BATCH) for raw in self._batch_read(some, fields, archived=archived)]

    def _batch_read(
        self, ids: Sequence[str], fields: Sequence[str], *, by: str = "", archived: bool = False
    ) -> list[Raw]:
        """Those that exist. HubSpot takes a batch with an id twice for a mistake."""
        if not ids:
            return []
        body = {
            "inputs": [{"id": each} for each in dict.fromkeys(ids)],
            "properties": self._asked(fields),
            **({"idProperty": by} if by else {}),
        }
        params = {"archived": "true"} if archived else None
        answer = self._api.ask(f"{self._path}/batch/read", f"records of {self._object}", body, params=params)
        return list(wire.read_batch(answer).results)

    def _asked(self, fields: Sequence[str]) -> list[str]:
        """HubSpot leaves unknown names out without a word; here they are a mistake of the settings."""
        unknown = [name for name in fields if name.lower() not in self._about.by_name]
        if unknown:
            raise FixSettings(
                f"HubSpot's {self._object} have no property {', '.join(unknown)}.",
                fix="Correct the name in the settings, or create the property at HubSpot.",
            )
        return list(dict.fromkeys([*fields, wire.MERGED_IDS]))

    def _record(self, raw: Raw, fields: Sequence[str]) -> TargetRecord:
        return wire.read_record(raw, fields, self._about)


def _compared(name: str, value: str) -> str:
    """As HubSpot compares: e-mail addresses without regard to case."""
    return value.strip().lower() if name == "email" else value


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return pieces(list(dict.fromkeys(values)), size)


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
