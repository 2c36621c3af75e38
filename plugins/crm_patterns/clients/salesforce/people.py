"""
`Person`: leads and contacts as one object, because marketing platforms know one kind of person.

A new person is a lead; which of the two an id is of, its first three characters tell. A converted lead is told as
merged into the contact that it became. Pure, but for the readers it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crm_patterns.clients.salesforce.target_wire import SObject
from crm_patterns.core.changes import Action, Change
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.targets import TargetDescription, TargetField, TargetRecord

PERSON = "Person"
KINDS = ("Lead", "Contact")


@dataclass(frozen=True, slots=True)
class People:
    """Both kinds as they are described now. `lead` is what a new person becomes."""

    lead: SObject
    contact: SObject

    @property
    def kinds(self) -> tuple[SObject, SObject]:
        return self.lead, self.contact

    def description(self) -> TargetDescription:
        """
        The union. What a new record needs is what a lead needs; a field of both takes what both of them take.

        Of a picklist, the values of both: which kind knows which, Salesforce says of the record.
        """
        lead, contact = self.lead.description, self.contact.description
        shared = [_of_both(field, contact.by_name.get(field.name.lower())) for field in lead.fields]
        only_contact = [field for field in contact.fields if field.name.lower() not in lead.by_name]
        return TargetDescription(
            PERSON,
            (*shared, *(replace(field, required=False) for field in only_contact)),
            creatable=lead.creatable,
            updatable=lead.updatable and contact.updatable,
            deletable=lead.deletable and contact.deletable,
            not_on_new=frozenset(field.name for field in only_contact),
        )

    def kind_of(self, record_id: str) -> SObject | None:
        return next((kind for kind in self.kinds if kind.holds(record_id)), None)

    def ids_by_kind(self, ids: Iterable[str]) -> Iterator[tuple[SObject, list[str]]]:
        """An id of neither is no person's, and left out."""
        wanted = list(ids)
        for kind in self.kinds:
            if own := [each for each in wanted if kind.holds(each)]:
                yield kind, own

    def changes_by_kind(self, action: Action, batch: Sequence[Change]) -> Iterator[tuple[SObject, list[Change]]]:
        """Creates make leads; everything else goes to the object of the id. FixSettings for an id of neither."""
        if action is Action.CREATE:
            yield self.lead, list(batch)
            return
        strange = next((change.record_id for change in batch if self.kind_of(change.record_id) is None), None)
        if strange is not None:
            raise FixSettings(f"{strange} is the id of neither a lead nor a contact.", fix="Correct the link or plan.")
        for kind in self.kinds:
            if own := [change for change in batch if kind.holds(change.record_id)]:
                yield kind, own

    def had_by(self, kind: SObject, fields: Sequence[str]) -> tuple[list[str], frozenset[str]]:
        """Which of the fields the kind has, and which it lacks. FixSettings for one that neither has."""
        known = kind.description.by_name
        unknown = [n for n in fields if all(n.lower() not in each.description.by_name for each in self.kinds)]
        if unknown:
            raise FixSettings(
                f"Neither leads nor contacts have a field {', '.join(unknown)}, or this user may not see it.",
                fix="Correct the name in the settings, or give the integration user the permission.",
            )
        return [n for n in fields if n.lower() in known], frozenset(n for n in fields if n.lower() not in known)


def lacking(records: Mapping[str, TargetRecord], lacks: frozenset[str]) -> dict[str, TargetRecord]:
    return {key: replace(record, lacks=lacks) for key, record in records.items()} if lacks else dict(records)


def _of_both(lead: TargetField, contact: TargetField | None) -> TargetField:
    if contact is None:
        return lead
    lengths = [each.length for each in (lead, contact) if each.length is not None]
    return replace(
        lead,
        length=min(lengths, default=None),
        updatable=lead.updatable and contact.updatable,
        unique=lead.unique and contact.unique,
        values=tuple(dict.fromkeys((*lead.values, *contact.values))),
        values_restricted=lead.values_restricted and contact.values_restricted,
    )
