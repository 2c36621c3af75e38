"""Which record belongs to which, under which labels. Both directions are kept: HubSpot numbers them apart."""

from collections.abc import Iterator

from sandbox.hubspot.errors import malformed
from sandbox.keeping import Keeper

TYPES: dict[tuple[str, str], dict[int, str | None]] = {
    ("contacts", "companies"): {1: "Primary", 279: None},
    ("companies", "contacts"): {2: "Primary", 280: None},
    ("companies", "companies"): {13: "Child Company", 14: "Parent Company"},
}
"""Ids of the types from one object to another, with their labels."""
UNLABELLED = {("contacts", "companies"): 279, ("companies", "contacts"): 280, ("companies", "companies"): 13}
OPPOSITE = {1: 2, 2: 1, 279: 280, 280: 279, 13: 14, 14: 13}
PRIMARY = {1: 279, 2: 280}

Edge = tuple[str, int, str]


class Associations:
    """From (object, id) to the other object's ids, each with the ids of its types."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._edges: dict[Edge, dict[int, set[int]]] = {}
        for identity, body in keeper.all("associations"):
            source, record_id, target = identity.split("|")
            self._edges[source, int(record_id), target] = {int(to): set(types) for to, types in body.items()}

    def of(self, source: str, record_id: int, target: str) -> dict[int, set[int]]:
        return self._edges.get((source, record_id, target), {})

    def add(self, source: str, record_id: int, target: str, other_id: int, type_id: int) -> None:
        """Associate, both ways. A second primary company takes the place of the first, which stays associated."""
        if type_id not in TYPES.get((source, target), {}):
            raise malformed(f"Association type {type_id} does not exist between {source} and {target}")
        if type_id in PRIMARY:
            contact = (source, record_id, target) if type_id == 1 else (target, other_id, source)
            for company_id in list(self._edges.get(contact, {})):
                self._drop(contact[0], contact[1], contact[2], company_id, 1)
            self._one_way(source, record_id, target, other_id, PRIMARY[type_id])
            self._one_way(target, other_id, source, record_id, OPPOSITE[PRIMARY[type_id]])
        self._one_way(source, record_id, target, other_id, type_id)
        self._one_way(target, other_id, source, record_id, OPPOSITE[type_id])

    def remove(self, source: str, record_id: int, target: str, other_id: int, type_id: int | None = None) -> None:
        """Take one label away, or (None) every one."""
        types = [type_id] if type_id else sorted(self.of(source, record_id, target).get(other_id, ()))
        for each in types:
            self._drop(source, record_id, target, other_id, each)

    def move(self, source: str, loser_id: int, winner_id: int) -> None:
        """What belonged to a merged record belongs to the one that is left, which keeps its own primary company."""
        for edge, others in [(edge, dict(others)) for edge, others in self._edges.items() if edge[:2] == (source, loser_id)]:  # noqa: E501 # fmt: skip
            for other_id, types in others.items():
                self.remove(source, loser_id, edge[2], other_id)
                has_primary = any(1 in kept for kept in self.of(source, winner_id, edge[2]).values())
                for type_id in sorted(types):
                    if not (type_id == 1 and has_primary):
                        self.add(source, winner_id, edge[2], other_id, type_id)

    def forget(self, source: str, record_id: int) -> None:
        """Take every association of a record away."""
        for target, other_id in list(self._others(source, record_id)):
            self.remove(source, record_id, target, other_id)

    def _others(self, source: str, record_id: int) -> Iterator[tuple[str, int]]:
        for edge, others in self._edges.items():
            if edge[:2] == (source, record_id):
                yield from ((edge[2], other_id) for other_id in others)

    def _one_way(self, source: str, record_id: int, target: str, other_id: int, type_id: int) -> None:
        self._edges.setdefault((source, record_id, target), {}).setdefault(other_id, set()).add(type_id)
        self._keep(source, record_id, target)

    def _drop(self, source: str, record_id: int, target: str, other_id: int, type_id: int) -> None:
        for edge, other, each in (
            ((source, record_id, target), other_id, type_id), ((target, other_id, source), record_id, OPPOSITE[type_id])
        ):  # fmt: skip
            others = self._edges.get(edge, {})
            others.get(other, set()).discard(each)
            if not others.get(other):
                others.pop(other, None)
            self._keep(*edge)

    def _keep(self, source: str, record_id: int, target: str) -> None:
        others = self.of(source, record_id, target)
        body = {str(other_id): sorted(types) for other_id, types in others.items()}
        self._keeper.put("associations", f"{source}|{record_id}|{target}", body)
