"""What records of any system say about restrictions, into the ledger and out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from crm_patterns.core.changes import Side
from crm_patterns.core.identity import email_key
from crm_patterns.core.mapping import Translation, Untranslatable
from crm_patterns.core.ports import Lifted, Restriction
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import Value, is_blank
from crm_patterns.patterns.comparison import Pairing
from crm_patterns.patterns.conflicts import Policy
from crm_patterns.patterns.consent import ConsentRecord

_NO = frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Reason:
    """A field that restricts by not being blank: why an address bounced. `false` and `0` say that it did not."""

    def to_canonical(self, native: Value) -> Value:
        if is_blank(native):
            return None
        return str(native).strip().casefold() not in _NO

    def to_native(self, canonical: Value, *, present: Value) -> Value:  # noqa: ARG002 - it is only read
        raise Untranslatable(canonical)


@dataclass(frozen=True, slots=True)
class RestrictingField:
    """A field of a record, the restriction that it is about, and how it says it."""

    name: str
    restriction: str
    translation: Translation


@dataclass(frozen=True, slots=True)
class Reading:
    """What to read of one object of one system to know who must not be contacted."""

    system: str
    object_name: str
    find_by: str
    fields: tuple[RestrictingField, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([self.find_by, *(field.name for field in self.fields)]))

    @property
    def position(self) -> str:
        """The name of its watermark: with other fields it begins anew."""
        return f"{self.system}.{self.object_name}: {', '.join(sorted(self.names))}"


def readings(pairings: Iterable[Pairing]) -> Sequence[Reading]:
    """Each object of each system once, with the restricting fields of all the pairings that it is in."""
    found: dict[tuple[str, str, str], dict[tuple[str, str], RestrictingField]] = {}
    for pairing in pairings:
        for side in Side:
            end = pairing.end(side)
            if end.find_by and (fields := _restricting(pairing, side)):
                known = found.setdefault((end.system, end.object_name, end.find_by), {})
                known.update({(field.name, field.restriction): field for field in fields})
    return [Reading(*place, tuple(fields.values())) for place, fields in found.items()]


def told(reading: Reading, record: TargetRecord) -> Iterator[Restriction | Lifted]:
    """What a living record says; nothing where its mail address is none, or the field is blank or not its kind's."""
    email = email_key(str(record.values.get(reading.find_by) or ""))
    if record.is_deleted or record.merged_into:
        return
    for field in reading.fields:
        if field.name in record.lacks:
            continue
        try:
            value = field.translation.to_canonical(record.values.get(field.name))
        except Untranslatable:
            continue
        if value is True and email:
            yield Restriction(
                email, field.restriction, reading.system, reading.object_name, record.record_id, field.name
            )
        elif value is False:
            yield Lifted(reading.system, record.record_id, field.name)


def elsewhere(
    pairing: Pairing, records: Mapping[Side, Mapping[str, TargetRecord]], ledger: Iterable[Restriction]
) -> list[ConsentRecord]:
    """The ledger as further records of the persons. What a record at hand says itself is newer than the ledger."""
    at_hand = {
        (pairing.end(side).system, record_id, name)
        for side in Side
        for record_id in records[side]
        for name in pairing.names(side)
    }
    return [
        ConsentRecord(f"ledger:{each.system}", each.object_name, each.record_id, each.email, {each.restriction: True})
        for each in ledger
        if (each.system, each.record_id, each.field_name) not in at_hand
    ]


def emails_of(pairing: Pairing, records: Mapping[Side, Mapping[str, TargetRecord]]) -> set[str]:
    """The mail addresses of the records at hand; of none where the pairing restricts nothing."""
    if not any(_restricting(pairing, side) for side in Side):
        return set()
    ends = {side: pairing.end(side).find_by for side in Side}
    found = {email_key(str(r.values.get(ends[side]) or "")) for side in Side if ends[side]
             for r in records[side].values()}  # fmt: skip
    return found - {""}


def _restricting(pairing: Pairing, side: Side) -> list[RestrictingField]:
    kept = [pair for pair in pairing.fields if pair.rule.policy is Policy.MOST_RESTRICTIVE]
    fields = [RestrictingField(p.end(side).name, p.rule.name, p.end(side).translation) for p in kept]
    return fields + [RestrictingField(r.field_name, r.restricts, Reason()) for r in pairing.reasons if r.side is side]
