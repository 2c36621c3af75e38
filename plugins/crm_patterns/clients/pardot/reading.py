"""Prospects: by id, by address or Salesforce id, by when they changed. And what they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from crm_patterns.clients.pardot import wire
from crm_patterns.clients.pardot.api import PardotApi
from crm_patterns.clients.pardot.errors import Missing
from crm_patterns.clients.pardot.wire import PROSPECTS, Raw
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports.responses import CampaignResponse
from crm_patterns.core.targets import TargetDescription, TargetRecord
from crm_patterns.core.windows import Window

PAGE = 1000
FILTERS = {"email": "email", "salesforceid": "salesforceId"}
"""Fields that prospects can be asked for by; by any other all of them are read."""
DENSE = 50
"""Where at least one in so many ids of a span is wanted, the span is read by pages instead of id by id."""


class Reader:
    """Reads prospects, whose description is known."""

    def __init__(self, api: PardotApi, about: TargetDescription) -> None:
        self._api = api
        self._about = about

    def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> dict[str, TargetRecord]:
        """As `Sink.read_records`; a call per id, or one per thousand prospects where ids lie close together."""
        asked = self._asked(fields)
        wanted = sorted({int(each) for each in ids if each.isdigit()})
        if not wanted:
            return {}
        if len(wanted) > 1 and wanted[-1] - wanted[0] < DENSE * len(wanted):
            raws = self._leaping(asked, wanted)
        else:
            raws = filter(None, self._api.side_by_side(lambda each: self._one(asked, each), wanted))
        return {str(raw["id"]): wire.read_record(raw, fields, self._about) for raw in raws}

    def by_value(self, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[TargetRecord]]:
        """As `Sink.find`: a call per value where the API has a filter for the field, else all prospects are read."""
        distinct = [each for each in dict.fromkeys(values) if each.strip()]
        asked = self._asked([*fields, name])
        if name.lower() not in FILTERS:
            return self._searched(name, distinct, fields)
        filter_name = FILTERS[name.lower()]

        def ask(value: str) -> list[TargetRecord]:
            pages = self._pages(PROSPECTS, {"fields": asked, filter_name: value})
            return [wire.read_record(raw, fields, self._about) for page in pages for raw in page]

        found = zip(distinct, self._api.side_by_side(ask, distinct), strict=True)
        return {value: records for value, records in found if records}

    def window(self, fields: Sequence[str], window: Window) -> Iterator[list[TargetRecord]]:
        """As `Sink.read_window`, those in the recycle bin included."""
        params = {"fields": self._asked(fields), "deleted": "all", **_between("updatedAt", window)}
        for page in self._pages(PROSPECTS, params):
            yield [wire.read_record(raw, fields, self._about) for raw in page]

    def responses(self, window: Window) -> Iterator[CampaignResponse]:
        """
        In order of the activities' ids, page by page in order of time.

        Activities may be recorded late, under a later id: let windows overlap.
        """
        params = {"fields": wire.ACTIVITY_FIELDS, **_between("createdAt", window)}
        for page in self._pages("visitor-activities", params):
            told = filter(None, map(wire.read_activity, page))
            yield from sorted(told, key=lambda each: each.at)

    def _pages(self, collection: str, params: Mapping[str, str]) -> Iterator[list[Raw]]:
        """
        All that match, whatever their number: in order of ids, each page asked for beyond the last id.

        So no chain of pages ends at the 100,000 records that one reaches, none of its tokens grows too old, and a
        record that changes meanwhile moves no other.
        """
        asked = {"orderBy": "id", "limit": str(PAGE), **params}
        while True:
            answer = self._api.get(collection, f"{collection}", asked)
            raws: list[Raw] = list(answer.get("values") or ())
            if raws:
                self._api.day.note(raws[0].get("updatedAt") or raws[0].get("createdAt"))
                yield raws
            if not raws or not answer.get("nextPageToken"):
                return
            asked["idGreaterThan"] = str(max(int(raw["id"]) for raw in raws))

    def _leaping(self, asked: str, wanted: Sequence[int]) -> Iterator[Raw]:
        """Those of the ids that exist: from one wanted id a page far, then from the next wanted one on."""
        left = set(wanted)
        while left:
            low, high = min(left), max(left)
            bounds = {"idGreaterThan": str(low - 1), "idLessThan": str(high + 1), "deleted": "all"}
            params = {"fields": asked, "orderBy": "id", "limit": str(min(PAGE, high - low + 1)), **bounds}
            answer = self._api.get(PROSPECTS, PROSPECTS, params)
            raws: list[Raw] = list(answer.get("values") or ())
            yield from (raw for raw in raws if int(raw["id"]) in left)
            if not raws or not answer.get("nextPageToken"):
                return
            reached = max(int(raw["id"]) for raw in raws)
            left = {each for each in left if each > reached}

    def _one(self, asked: str, record_id: int) -> Raw | None:
        try:
            return self._api.get(f"{PROSPECTS}/{record_id}", f"prospect {record_id}", {"fields": asked})
        except Missing:
            return None

    def _searched(self, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[TargetRecord]]:
        known, found = self._about.by_name[name.lower()], dict[str, list[TargetRecord]]()
        asked = {value.lower(): value for value in values}
        for page in self._pages(PROSPECTS, {"fields": self._asked([*fields, name])}):
            for raw in page:
                value = asked.get(str(wire.read_value(raw.get(known.name), known) or "").lower())
                if value is not None:
                    found.setdefault(value, []).append(wire.read_record(raw, fields, self._about))
        return found

    def _asked(self, fields: Sequence[str]) -> str:
        unknown = [name for name in fields if name.lower() not in self._about.by_name]
        if unknown:
            raise FixSettings(
                f"Account Engagement's prospects have no field {', '.join(unknown)}.",
                fix="Correct the name in the settings, or create the field; names of custom fields end in __c.",
            )
        return ",".join(dict.fromkeys([*fields, "id", "updatedAt", "isDeleted"]))


def _between(stamp: str, window: Window) -> dict[str, str]:
    """Stamps have whole seconds, so that the last second before the end is the last one inside."""
    start = {f"{stamp}AfterOrEqualTo": wire.write_stamp(window.start)} if window.start else {}
    return {**start, f"{stamp}BeforeOrEqualTo": wire.write_stamp(window.end - timedelta(seconds=1))}
