"""Restrictions over every record of a person that was read, duplicates and records without a counterpart included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from crm_patterns.core.changes import Action, Change, FieldChange, LinkEnds, Side
from crm_patterns.core.identity import email_key
from crm_patterns.core.mapping import Untranslatable
from crm_patterns.core.targets import TargetRecord
from crm_patterns.core.values import is_blank
from crm_patterns.patterns.comparison import FieldPair, Pairing
from crm_patterns.patterns.conflicts import Policy
from crm_patterns.patterns.consent import ConsentGiven, ConsentRecord, align

Records = Mapping[Side, Mapping[str, TargetRecord]]


def consent_changes(
    pairing: Pairing,
    records: Records,
    links: Iterable[LinkEnds],
    *,
    given: Iterable[ConsentGiven] = (),
    others: Iterable[ConsentRecord] = (),
) -> list[Change]:
    """
    One update for each record that has to restrict more (or, by evidence, less) than it does.

    A person is the records that share a mail address (`find_by` of each end) or a link. A value that is not mapped is
    unknown: it neither restricts nor is it replaced. Neither does a restriction that the record's kind does not have.
    `others` are records of further systems: they restrict, and nothing is written to them here.
    """
    pairs = {p.rule.name: p for p in pairing.fields if p.rule.policy is Policy.MOST_RESTRICTIVE}
    if not pairs:
        return []
    linked = {(side, link.id_of(side)): link for link in links for side in Side}
    people, sides = [*others], {}
    for side in Side:
        for record in records[side].values():
            if not record.is_deleted and not record.merged_into:
                told = _told(pairing, pairs, side, record, linked.get((side, record.record_id)))
                people.append(told)
                sides[told.place] = side
    fields: dict[tuple[Side, str], list[FieldChange]] = {}
    for change in align(people, given):
        if change.record.place not in sides:
            continue
        side, record_id = sides[change.record.place], change.record.record_id
        if not pairs[change.restriction].rule.may_write(side):
            continue
        end = pairs[change.restriction].end(side)
        present = records[side][record_id].values.get(end.name)
        after = end.translation.to_native(change.value, present=present)
        before = None if is_blank(present) else present  # false is what it holds, and not nothing
        wanted = FieldChange(end.name, before, after, change.reason, Policy.MOST_RESTRICTIVE.value)
        fields.setdefault((side, record_id), []).append(wanted)
    return [_update(pairing, side, record_id, wanted) for (side, record_id), wanted in fields.items()]


def restricted_creates(
    pairing: Pairing, changes: Iterable[Change], records: Records, others: Iterable[ConsentRecord]
) -> list[Change]:
    """The changes; a new record of a person whom a record of another system restricts is made with the restriction."""
    restricted = {(record.email, name) for record in others for name, value in record.restrictions.items() if value}
    return [_restricted_create(pairing, c, records, restricted) if c.action is Action.CREATE else c for c in changes]


def _restricted_create(pairing: Pairing, create: Change, records: Records, restricted: set[tuple[str, str]]) -> Change:
    side = Side.LEFT if create.system == pairing.left.system else Side.RIGHT
    source = side.other
    record = records[source].get(create.link.id_of(source)) if create.link else None
    if record is None:
        return create
    email = email_key(str(record.values.get(pairing.end(source).find_by) or ""))
    more = [
        FieldChange(
            pair.end(side).name, None, pair.end(side).translation.to_native(True, present=None),
            "another system restricts, and the most restrictive wins", Policy.MOST_RESTRICTIVE.value,
        )
        for pair in pairing.fields
        if pair.rule.policy is Policy.MOST_RESTRICTIVE and (email, pair.rule.name) in restricted
        and pair.rule.may_write(side) and pair.end(side).name not in create.wanted
    ]  # fmt: skip
    return replace(create, fields=(*create.fields, *more)) if more else create


def merged(changes: Iterable[Change]) -> list[Change]:
    """One change per record: of several, the first, with the fields of the others that it does not set itself."""
    found: dict[tuple[str, str, str], Change] = {}
    for change in changes:
        place = (change.system, change.object_name, change.record_id or change.key)
        if place not in found:
            found[place] = change
        else:
            first = found[place]
            more = tuple(each for each in change.fields if each.name not in first.wanted)
            found[place] = replace(first, fields=(*first.fields, *more))
    return list(found.values())


def _told(
    pairing: Pairing, pairs: Mapping[str, FieldPair], side: Side, record: TargetRecord, link: LinkEnds | None
) -> ConsentRecord:
    end = pairing.end(side)
    return ConsentRecord(
        _place(pairing, side),
        end.object_name,
        record.record_id,
        email_key(str(record.values.get(end.find_by) or "")) if end.find_by else "",
        dict(_restrictions(pairs, side, record)),
        linked_to=((_place(pairing, side.other), link.id_of(side.other)),) if link else (),
    )


def _place(pairing: Pairing, side: Side) -> str:
    return f"{side}:{pairing.end(side).system}"


def _restrictions(
    pairs: Mapping[str, FieldPair], side: Side, record: TargetRecord
) -> Iterator[tuple[str, bool | None]]:
    for name, pair in pairs.items():
        end = pair.end(side)
        if end.name in record.lacks:
            continue
        try:
            value = end.translation.to_canonical(record.values.get(end.name))
        except Untranslatable:
            continue
        yield name, value if isinstance(value, bool) else None


def _update(pairing: Pairing, side: Side, record_id: str, fields: Sequence[FieldChange]) -> Change:
    end = pairing.end(side)
    return Change(end.system, end.object_name, Action.UPDATE, record_id, record_id, tuple(fields))
