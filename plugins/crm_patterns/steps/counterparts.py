"""Who belongs to whom: counterparts are asked for by id and by key, on both sides, and matched one to one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from crm_patterns.core.changes import LinkEnds, Side
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.identity import Candidate, Matching, match
from crm_patterns.core.mapping import Untranslatable
from crm_patterns.core.pieces import pieces
from crm_patterns.core.ports import Sink
from crm_patterns.core.targets import TargetRecord
from crm_patterns.patterns.comparison import Pairing

Ids = Mapping[Side, Sequence[str]]
Records = dict[Side, dict[str, TargetRecord]]
_AT_ONCE = 100


def fetch(sinks: Mapping[Side, Sink], pairing: Pairing, records: Records, ids: Ids) -> None:
    """Read those of the ids that are not known yet."""
    for side, wanted in ids.items():
        missing = sorted({i for i in wanted if i and i not in records[side]})
        for some in pieces(missing, _AT_ONCE):
            records[side].update(sinks[side].read_records(pairing.end(side).object_name, pairing.names(side), some))


def find_counterparts(
    sinks: Mapping[Side, Sink], pairing: Pairing, records: Records, alone: Mapping[Side, Sequence[TargetRecord]]
) -> None:
    """Whoever, on either side, names the records that are alone, is named by them, or shares their key."""
    for side, waiting in alone.items():
        keys = [key for record in waiting if (key := key_of(pairing, side, record))]
        ids = [record.record_id for record in waiting]
        named = [str(record.values.get(pairing.end(side).own_key) or "") for record in waiting]
        for where, field_name, values in (
            (side.other, pairing.end(side.other).own_key, ids),
            (side.other, pairing.end(side.other).find_by, keys),
            (side, pairing.end(side).find_by, keys),
        ):
            _find(sinks[where], pairing, records[where], where, field_name, values)
        fetch(sinks, pairing, records, {side.other: named})


def find_people(sinks: Mapping[Side, Sink], pairing: Pairing, records: Records, emails: Sequence[str]) -> None:
    """Whoever has one of the mail addresses, on both sides."""
    for side in Side:
        _find(sinks[side], pairing, records[side], side, pairing.end(side).find_by, emails)


def _find(
    sink: Sink, pairing: Pairing, into: dict[str, TargetRecord], side: Side, field_name: str, values: Sequence[str]
) -> None:
    distinct = sorted(set(values)) if field_name else []
    for some in pieces(distinct, _AT_ONCE):
        found = sink.find(pairing.end(side).object_name, field_name, some, fields=pairing.names(side))
        for record in (record for holders in found.values() for record in holders):
            into.setdefault(record.record_id, record)


def key_of(pairing: Pairing, side: Side, record: TargetRecord) -> str:
    """The canonical value of the field by which the side's records are found; empty where it has none."""
    end = pairing.end(side)
    pair = next((p for p in pairing.fields if end.find_by and p.end(side).name == end.find_by), None)
    if pair is None:
        return ""
    try:
        return str(pair.end(side).translation.to_canonical(record.values.get(end.find_by)) or "")
    except Untranslatable:
        return ""


def match_records(pairing: Pairing, records: Records, links: Sequence[LinkEnds]) -> Matching:
    def candidates(side: Side) -> list[Candidate]:
        own = pairing.end(side).own_key
        return [
            Candidate(i, str(r.values.get(own) or "") if own else "", {"key": key_of(pairing, side, r)})
            for i, r in sorted(records[side].items())
            if is_living(r)
        ]

    return match(candidates(Side.LEFT), candidates(Side.RIGHT), {link.left_id: link.right_id for link in links})


def new_link(pairing: Pairing, left_id: str, right_id: str) -> LinkEnds:
    side, own = (Side.LEFT, left_id) if left_id else (Side.RIGHT, right_id)
    link_id = short_fingerprint([pairing.name, side, own], digits=24)
    return LinkEnds(link_id, pairing.name, pairing.left.object_name, left_id, pairing.right.object_name, right_id)


def is_living(record: TargetRecord | None) -> bool:
    return record is not None and not record.is_deleted and not record.merged_into


def unlinked(records: Records, links: Iterable[LinkEnds], side: Side) -> list[TargetRecord]:
    linked = {link.id_of(side) for link in links}
    return [r for i, r in sorted(records[side].items()) if i not in linked and is_living(r)]
