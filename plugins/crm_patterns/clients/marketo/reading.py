"""Leads of Marketo: by id, by a value, by when they changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from crm_patterns.clients.marketo import activities as happenings
from crm_patterns.clients.marketo import wire
from crm_patterns.clients.marketo.activities import ActivityLog
from crm_patterns.clients.marketo.api import MarketoApi
from crm_patterns.clients.marketo.errors import Refused
from crm_patterns.clients.marketo.extracts import LeadExtracts
from crm_patterns.clients.marketo.gone import GoneLeads
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.pieces import pieces
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.windows import Window

BATCH = 300
CHANGES = (happenings.NEW, happenings.CHANGED, happenings.SCORED, happenings.UNSUBSCRIBED, happenings.BOUNCED, happenings.MERGED, happenings.DELETED)  # noqa: E501 # fmt: skip
GONE = (happenings.MERGED, happenings.DELETED)
ACTIVITIES_KEPT_FOR = timedelta(days=80)
"""Marketo prunes activities of many sorts after 90 days: an older window cannot be read by them."""
FIRST_POSSIBLE = datetime(2007, 1, 1, tzinfo=UTC)
"""Before Marketo was sold: no lead is older."""
PROBED = 10
"""Pages of the lowest ids that are looked at for the oldest lead."""

Raw = Mapping[str, Any]


class Reader:
    """Reads leads, whose description is known."""

    def __init__(
        self,
        api: MarketoApi,
        about: wire.LeadsDescribed,
        extracts: LeadExtracts,
        gone: GoneLeads,
        now: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._now = now
        self._about = about
        self._log = ActivityLog(api)
        self._extracts = extracts
        self._gone = gone

    # --- by key -------------------------------------------------------------------------------------------------------

    def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> dict[str, TargetRecord]:
        """As `Sink.read_records`; a lead that was merged or deleted more than a month ago is missing."""
        found = self._living(fields, ids)
        missing = [each for each in dict.fromkeys(ids) if each not in found]
        winners, deleted = self._gone.fates(missing) if missing else ({}, {})
        found |= {each: TargetRecord(each, modified_at=at, is_deleted=True) for each, at in deleted.items()}
        there = self._living(fields, list(winners.values()))
        for loser, winner in winners.items():
            kept = there.get(winner) or TargetRecord(winner)
            found[loser] = replace(kept, record_id=loser, merged_into=winner)
        return found

    def _living(self, fields: Sequence[str], ids: Sequence[str]) -> dict[str, TargetRecord]:
        names = self._asked(fields)
        whole = [each for each in dict.fromkeys(ids) if each.isdigit()]
        return {
            str(raw["id"]): self._record(raw, fields)
            for some in pieces(whole, BATCH)
            for raw in self._filtered("id", some, names)
        }

    def by_value(self, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, list[TargetRecord]]:
        """Leads by a field that may be searched, compared without regard to case."""
        known = self._about.description.by_name.get(name.lower())
        if known is None or known.name not in self._about.searchable:
            raise FixSettings(
                f"Marketo cannot find leads by {name}.",
                fix=f"Use one of {', '.join(sorted(self._about.searchable))}, or have Adobe enable the field.",
            )
        asked: dict[str, list[str]] = {}
        for value in dict.fromkeys(values):
            if value.strip():
                asked.setdefault(value.strip().lower(), []).append(value)
        names = self._asked([*fields, known.name])
        found: dict[str, list[TargetRecord]] = {}
        for some in pieces([each[0] for each in asked.values()], BATCH):
            for raw in self._filtered(known.name, some, names):
                for value in asked.get(str(raw.get(known.name) or "").strip().lower(), ()):
                    found.setdefault(value, []).append(self._record(raw, fields))
        return found

    def _filtered(self, name: str, values: Sequence[str], names: Sequence[str]) -> Iterator[Raw]:
        """Over 1,000 leads match: Marketo refuses, and each half is asked for."""
        with_commas = [value for value in values if "," in value]
        plain = [value for value in values if "," not in value]
        try:
            raws = list(self._pages(name, plain, names)) if plain else []
        except Refused as error:
            if error.told.code != "1003" or len(plain) == 1:
                raise
            middle = len(plain) // 2
            raws = [*self._filtered(name, plain[:middle], names), *self._filtered(name, plain[middle:], names)]
        yield from raws
        for value in with_commas:
            yield from self._pages(name, [value], names, as_form=True)

    def _pages(self, name: str, values: Sequence[str], names: Sequence[str], *, as_form: bool = False) -> Iterator[Raw]:
        params = {"filterType": name, "filterValues": ",".join(values), "fields": ",".join(names), "batchSize": "300"}
        ask = self._api.ask_form if as_form else self._api.get
        while True:
            answer = ask("/rest/v1/leads.json", "leads", params)
            yield from answer.get("result") or ()
            if not answer.get("nextPageToken"):
                return
            params["nextPageToken"] = str(answer["nextPageToken"])

    # --- by time ------------------------------------------------------------------------------------------------------

    def window(self, fields: Sequence[str], window: Window, first_lead_on: date | None) -> Iterator[list[TargetRecord]]:
        """
        As `Sink.read_window`: by activities, as long as Marketo keeps them; else by extracts of all leads there are.

        Of extracts, those whose last change lies in the window: what changed once more comes with a later one.
        """
        if window.start is not None and window.start >= self._now() - ACTIVITIES_KEPT_FOR:
            yield from self._changed(fields, window.start, window.end)
            return
        names = self._asked(fields)
        first = _midnight(first_lead_on) if first_lead_on else self._oldest()
        for rows in self._extracts.created(names, first, window.end):
            records = [self._record(row, fields) for row in rows]
            if inside := [each for each in records if window.start is None or _is_in(window, each)]:
                yield inside
        for page in self._log.pages(GONE, window.start or first, window.end):
            yield [record for each in page for record in _gone(each)]

    def _changed(self, fields: Sequence[str], start: datetime, end: datetime) -> Iterator[list[TargetRecord]]:
        """What is read once is newer than all of the window, so each lead is read once."""
        seen: set[str] = set()
        for page in self._log.pages(CHANGES, start, end):
            touched = [each.lead_id for each in page if each.type_id != happenings.DELETED]
            fresh = [each for each in dict.fromkeys(touched) if each not in seen]
            seen.update(fresh)
            records = [*self._living(fields, fresh).values(), *(record for each in page for record in _gone(each))]
            if records:
                yield records

    def _oldest(self) -> datetime:
        """Ids rise with time: when the lead of the lowest id was created. Where low ids are all gone: 2007."""
        for page in range(PROBED):
            ids = [str(each) for each in range(page * BATCH + 1, (page + 1) * BATCH + 1)]
            stamps = [wire.read_moment(raw.get("createdAt")) for raw in self._filtered("id", ids, ["id", "createdAt"])]
            if known := [stamp for stamp in stamps if stamp is not None]:
                return min(known) - timedelta(days=1)
        return FIRST_POSSIBLE

    def _asked(self, fields: Sequence[str]) -> list[str]:
        known = self._about.description.by_name
        if unknown := [name for name in fields if name.lower() not in known]:
            raise FixSettings(
                f"Marketo's leads have no field {', '.join(unknown)}.",
                fix="Correct the name in the settings, or create the field in Marketo.",
            )
        return list(dict.fromkeys(["id", "updatedAt", *(known[name.lower()].name for name in fields)]))

    def _record(self, raw: Raw, fields: Sequence[str]) -> TargetRecord:
        return wire.read_record(raw, fields, self._about.description)


def _is_in(window: Window, record: TargetRecord) -> bool:
    return record.modified_at is None or window.contains(record.modified_at)


def _gone(each: wire.Happened) -> list[TargetRecord]:
    if each.type_id == happenings.DELETED:
        return [TargetRecord(each.lead_id, modified_at=each.at, is_deleted=True)]
    if each.type_id == happenings.MERGED:
        return [TargetRecord(loser, modified_at=each.at, merged_into=each.lead_id) for loser in each.merged_ids]
    return []


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
