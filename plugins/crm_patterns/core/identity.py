"""
Who is who: keys in one form, and records of two systems that belong together.

Keys are made equal only as far as they certainly mean the same: `+tag` and dots of a mail address stay, because they
are another mailbox for most mail servers. A key that could be anybody's is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

EMAIL_FORM = r"[^\s@,;<>\"]+@[^\s@,;<>\"]+\.[^\s@.,;<>\"]+"
"""Regular expression of a mail address, without anchors."""

_ADDRESS = re.compile(EMAIL_FORM)
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def email_key(text: str | None) -> str:
    """Trimmed and lower-cased; empty where it is no mail address."""
    key = (text or "").strip().lower()
    return key if _ADDRESS.fullmatch(key) else ""


def domain_key(text: str | None) -> str:
    """
    The domain of a website or of a mail address: no scheme, `www.`, port or path, in ASCII (IDNA).

    Empty where it is none: an address without a dot, an IP number.
    """
    rest = re.sub(r"^[a-z][a-z0-9+.-]*://", "", (text or "").strip().lower())
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].strip(".")
    try:
        name = host.encode("idna").decode() if host else ""
    except UnicodeError:
        return ""
    while name.startswith("www.") and name.count(".") > 1:
        name = name.removeprefix("www.")
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(_LABEL.fullmatch(label) for label in labels):
        return ""
    return name


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A record on one side. `counterpart` is the other side's id as this record itself says it (an external id).

    `keys` are in their normal form, by name, in the order in which they decide; an empty one says nothing.
    """

    record_id: str
    counterpart: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


Records = Mapping[str, Candidate]
Group = tuple[str, set[str], set[str]]
"""A key, and the ids on the left and on the right that share it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Records that could belong to several others, so that none is linked or created. `rule` names the step."""

    rule: str
    key: str
    left_ids: tuple[str, ...]
    right_ids: tuple[str, ...]

    @property
    def reason(self) -> str:
        lefts, rights = ", ".join(self.left_ids), ", ".join(self.right_ids)
        return (
            f"The {self.rule} {self.key!r} leads from {lefts or 'none'} to {rights or 'none'}, where one on each side "
            "and no more can belong together. Merge the duplicates, or correct what they share."
        )


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs of (left id, right id), each id at most once; what was refused; what has no counterpart."""

    known: tuple[tuple[str, str], ...] = ()
    found: tuple[tuple[str, str], ...] = ()
    refused: tuple[Refusal, ...] = ()
    left_alone: tuple[str, ...] = ()
    right_alone: tuple[str, ...] = ()


def match(lefts: Sequence[Candidate], rights: Sequence[Candidate], links: Mapping[str, str]) -> Matching:
    """
    Pair the records: by the links that are known (left id → right id), then by the id that one side holds of the
    other, then by each key in turn. What a step pairs or refuses, no later step looks at.

    Who shares a key with a record that has its counterpart already is refused too: it is a duplicate of it. A link
    holds also where only one of its ends is among the records; then that end is neither paired nor alone.
    """
    sides = ({c.record_id: c for c in lefts}, {c.record_id: c for c in rights})
    free = (set(sides[0]) - set(links), set(sides[1]) - set(links.values()))
    known = tuple((a, b) for a, b in sorted(links.items()) if a in sides[0] and b in sides[1])
    found: list[tuple[str, str]] = []
    refused: list[Refusal] = []
    names = dict.fromkeys(name for c in (*lefts, *rights) for name in c.keys)
    steps = [("counterpart", partial(_name_one_another, *sides, links))]
    steps += [(name, partial(_share_a_key, *sides, name)) for name in names]
    for rule, groups in steps:
        for key, some, others in groups():
            open_left, open_right = some & free[0], others & free[1]
            if not (open_left or open_right) or len(some) + len(others) < 2:
                continue
            if len(some) == 1 == len(others) and open_left and open_right:
                found.append((min(some), min(others)))
            else:
                refused.append(Refusal(rule, key, tuple(sorted(some)), tuple(sorted(others))))
            free[0].difference_update(open_left)
            free[1].difference_update(open_right)
    return Matching(known, tuple(sorted(found)), tuple(refused), tuple(sorted(free[0])), tuple(sorted(free[1])))


def moved(links: Mapping[str, str], *, lefts: Mapping[str, str], rights: Mapping[str, str]) -> Mapping[str, str]:
    """
    The links after conversions and merges, which gave records another id (old → new, chains followed).

    Where two links come to share an end, the one whose end had that id already stays; the other is dropped.
    """
    after: dict[str, str] = {}
    owners: dict[str, str] = {}
    settled = sorted(links.items(), key=lambda pair: (pair[0] in lefts) + (pair[1] in rights))
    for left, right in settled:
        new_left, new_right = _end(left, lefts), _end(right, rights)
        if new_left not in after and new_right not in owners:
            after[new_left] = new_right
            owners[new_right] = new_left
    return after


def _end(record_id: str, moves: Mapping[str, str]) -> str:
    passed = {record_id}
    while (following := moves.get(record_id, record_id)) not in passed:
        record_id = following
        passed.add(record_id)
    return record_id


def _share_a_key(lefts: Records, rights: Records, name: str) -> Iterator[Group]:
    by_key: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for side, candidates in enumerate((lefts, rights)):
        for candidate in candidates.values():
            if key := candidate.keys.get(name, ""):
                by_key[key][side].add(candidate.record_id)
    for key, (some, others) in sorted(by_key.items()):
        yield key, some, others


def _name_one_another(lefts: Records, rights: Records, links: Mapping[str, str]) -> Iterator[Group]:
    """Records that are joined by a counterpart; one that is neither here nor linked says nothing."""
    known_left, known_right = lefts.keys() | links.keys(), rights.keys() | set(links.values())
    edges = {(c.record_id, c.counterpart) for c in lefts.values() if c.counterpart in known_right}
    edges |= {(c.counterpart, c.record_id) for c in rights.values() if c.counterpart in known_left}
    groups: list[tuple[set[str], set[str]]] = []
    for left, right in sorted(edges):
        joined = [group for group in groups if left in group[0] or right in group[1]]
        whole = ({left}.union(*(group[0] for group in joined)), {right}.union(*(group[1] for group in joined)))
        groups = [group for group in groups if group not in joined] + [whole]
    for some, others in groups:
        yield min(some), some, others
