"""What belongs to what at HubSpot: contacts to companies, by the fourth version of its associations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_patterns.clients.hubspot import wire
from crm_patterns.clients.hubspot.api import HubSpotApi
from crm_patterns.core.errors import StopRun
from crm_patterns.core.pieces import pieces

MOST_READ, MOST_WRITTEN = 1_000, 2_000


@dataclass(frozen=True, slots=True)
class Association:
    """`type_ids` are HubSpot's: 279 contact to company, 1 the same as its primary one."""

    other_id: str
    type_ids: tuple[int, ...]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PairRefused:
    """A pair that HubSpot did not associate, and why."""

    from_id: str
    to_id: str
    reason: str


class Associations:
    """Between two objects, in one direction."""

    def __init__(self, api: HubSpotApi, source: str, target: str) -> None:
        self._api = api
        self._path = f"/crm/v4/associations/{source}/{target}/batch"
        self._about = f"associations of {source} with {target}"

    def of(self, ids: Sequence[str]) -> Mapping[str, tuple[Association, ...]]:
        """By the id that was asked for; one without any is missing."""
        found: dict[str, tuple[Association, ...]] = {}
        for some in pieces(list(dict.fromkeys(ids)), MOST_READ):
            asked: list[dict[str, str]] = [{"id": each} for each in some]
            while asked:
                answer = self._api.ask(f"{self._path}/read", self._about, {"inputs": asked})
                asked = []
                for raw in wire.read_batch(answer).results:
                    own_id = str(raw["from"]["id"])
                    found[own_id] = (*found.get(own_id, ()), *map(_association, raw["to"]))
                    if after := ((raw.get("paging") or {}).get("next") or {}).get("after"):
                        asked.append({"id": own_id, "after": str(after)})
        return found

    def add(self, pairs: Sequence[tuple[str, str]], *, type_id: int | None = None) -> list[PairRefused]:
        """
        Associate pairs of (from id, to id), without a label or with one; those that were refused.

        The same again changes nothing. A second primary company takes the place of the first.
        """
        verb = "associate/default" if type_id is None else "create"
        labelled = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}] if type_id else None
        refused: list[PairRefused] = []
        for some in pieces(pairs, MOST_WRITTEN):
            inputs: list[dict[str, Any]] = [{"from": {"id": one}, "to": {"id": other}} for one, other in some]
            if labelled:
                inputs = [{**each, "types": labelled} for each in inputs]
            answer = self._api.change("POST", f"{self._path}/{verb}", self._about, {"inputs": inputs}, again=True)
            refused += _refused(wire.read_batch(answer), some)
        return refused

    def remove(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Take every label of the pairs away."""
        for some in pieces(pairs, MOST_WRITTEN):
            inputs = [{"from": {"id": one}, "to": [{"id": other}]} for one, other in some]
            self._api.change("POST", f"{self._path}/archive", self._about, {"inputs": inputs}, again=True)


def _association(raw: Mapping[str, Any]) -> Association:
    types = raw.get("associationTypes") or ()
    labels = tuple(str(each["label"]) for each in types if each.get("label"))
    return Association(str(raw["toObjectId"]), tuple(int(each["typeId"]) for each in types), labels)


def _refused(told: wire.BatchAnswer, pairs: Sequence[tuple[str, str]]) -> list[PairRefused]:
    refused: list[PairRefused] = []
    for item in told.errors:
        named = [pair for pair in pairs if set(pair) <= set(item.ids)]
        if not named:
            raise StopRun(f"HubSpot refused an association and did not say which: {item.problem.text}")
        refused += [PairRefused(*pair, item.problem.text) for pair in named]
    return refused
