"""Leads as the instance holds them, and every way in which they change."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.keeping import Keeper
from sandbox.marketo import activities as kinds
from sandbox.marketo.activities import Activities
from sandbox.marketo.errors import Reason
from sandbox.marketo.schema import Field, second, stored

BOOLEANS_FALSE = ("unsubscribed", "marketingSuspended", "blackListed", "emailInvalid", "doNotCall")


@dataclass(slots=True)
class Lead:
    """Values by REST name, without what is blank."""

    id: int
    created_ms: int
    updated_ms: int
    values: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str) -> Any:
        if name == "id":
            return self.id
        if name in ("createdAt", "updatedAt"):
            return second(self.created_ms if name == "createdAt" else self.updated_ms)
        return self.values.get(name, False if name in BOOLEANS_FALSE else None)


class Leads:
    """Living leads by id, and by each field that may be searched. No value is unique: duplicates are possible."""

    def __init__(self, keeper: Keeper, clock: Clock, fields: Mapping[str, Field], activities: Activities) -> None:
        self._keeper = keeper
        self._clock = clock
        self.fields = fields
        self.activities = activities
        self.by_id: dict[int, Lead] = {}
        self._index: dict[str, dict[str, set[int]]] = {
            name: defaultdict(set) for name, each in fields.items() if each.search and name != "id"
        }
        self.highest_id = 0
        for _, body in keeper.all("leads"):
            self.put(Lead(**body))
        self.highest_id = max([self.highest_id, *(int(each) for each, _ in keeper.all("gone leads"))])

    def put(self, lead: Lead) -> None:
        """Keep a lead as it is now."""
        self._unindex(lead.id)
        self.by_id[lead.id] = lead
        for name, index in self._index.items():
            if (value := lead.values.get(name)) is not None:
                index[_key(value)].add(lead.id)
        self.highest_id = max(self.highest_id, lead.id)
        self._keeper.put("leads", str(lead.id), asdict(lead))

    def holding(self, name: str, values: Iterable[str]) -> list[Lead]:
        """Leads that hold one of the values in a field that may be searched, by id."""
        if name == "id":
            ids = {int(value) for value in values if value.strip().isdigit()}
        else:
            ids = {each for value in values for each in self._index[name].get(_key(value), ())}
        return [self.by_id[each] for each in sorted(ids) if each in self.by_id]

    # --- changes ------------------------------------------------------------------------------------------------------

    def create(self, given: Mapping[str, Any], *, source: str, at_ms: int | None = None, quiet: bool = False) -> Lead:
        """Raises Reason where a value cannot be taken."""
        values = self.checked(given)
        now = self._clock.now_ms() if at_ms is None else at_ms
        lead = Lead(self.highest_id + 1, now, now, {name: each for name, each in values.items() if each is not None})
        self.put(lead)
        if not quiet:
            self.activities.happened(kinds.NEW, lead.id, at_ms=now, Source_Type=source, Created_Date=second(now)[:10])
        return lead

    def update(self, lead: Lead, given: Mapping[str, Any], *, source: str, at_ms: int | None = None) -> bool:
        """Whether anything changed; each changed field has an activity. Raises Reason."""
        values = self.checked(given)
        now = self._clock.now_ms() if at_ms is None else at_ms
        changes = {name: (lead.value(name), each) for name, each in values.items() if lead.value(name) != each}
        fresh = {**lead.values, **values}
        kept = {name: each for name, each in fresh.items() if each is not None}
        if not changes:
            return False
        self.put(Lead(lead.id, lead.created_ms, now, kept))
        for name, (before, after) in changes.items():
            words = {"Old_Value": _text(before), "New_Value": _text(after), "Source": source}
            kind = kinds.SCORED if self.fields[name].type == "score" else kinds.CHANGED
            self.activities.happened(kind, lead.id, (None, self.fields[name].label), at_ms=now, **words)
        return True

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in given.items():
            if name not in self.fields:
                raise Reason("1006", f"Field '{name}' not found")
            found[name] = stored(self.fields[name], value)
        return found

    def delete(self, lead: Lead) -> None:
        self.activities.happened(kinds.DELETED, lead.id, (lead.id, str(lead.values.get("email") or lead.id)))
        self._gone(lead)

    def merge(self, winner: Lead, losers: list[Lead]) -> None:
        """The winner's values stay; its blanks are filled from the losers, first come first."""
        filled: dict[str, Any] = {}
        for loser in losers:
            for name, value in loser.values.items():
                if name not in winner.values and name not in filled:
                    filled[name] = value
        for loser in losers:
            self._gone(loser)
        self.put(Lead(winner.id, winner.created_ms, self._clock.now_ms(), {**filled, **winner.values}))
        ids = ",".join(str(each.id) for each in losers)
        self.activities.happened(
            kinds.MERGED, winner.id, (winner.id, str(winner.id)), Master_Updated=True, Merge_IDs=f"[{ids}]"
        )

    def _gone(self, lead: Lead) -> None:
        self._unindex(lead.id)
        self.by_id.pop(lead.id, None)
        self._keeper.drop("leads", str(lead.id))
        self._keeper.put("gone leads", str(lead.id), None)

    def _unindex(self, lead_id: int) -> None:
        if (before := self.by_id.get(lead_id)) is not None:
            for name, index in self._index.items():
                if (value := before.values.get(name)) is not None:
                    index[_key(value)].discard(lead_id)


def _key(value: Any) -> str:
    return str(value).strip().lower()


def _text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
