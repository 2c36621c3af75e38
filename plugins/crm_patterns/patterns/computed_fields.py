"""
Which fields change without a new stamp, so that no window ever brings their new values.

Formulas and roll-ups are described as computed. Some standard fields are kept by Salesforce itself without touching the
record's stamp and are not described so; they are listed here. Others are named by settings (`refresh`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from crm_patterns.core.contracts import ObjectContract, ObjectDescription

EVERYWHERE = frozenset({"LastActivityDate"})
"""On every object with activities: moves with the newest task or event."""

SILENT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Opportunity": frozenset({"HasOpenActivity", "HasOverdueTask", "LastActivityInDays", "LastStageChangeInDays"}),
        "Contact": frozenset({"LastCURequestDate", "LastCUUpdateDate"}),
        "Campaign": frozenset(
            {
                "NumberOfLeads",
                "NumberOfConvertedLeads",
                "NumberOfContacts",
                "NumberOfResponses",
                "NumberOfOpportunities",
                "NumberOfWonOpportunities",
                "AmountAllOpportunities",
                "AmountWonOpportunities",
                "HierarchyNumberOfLeads",
                "HierarchyNumberOfConvertedLeads",
                "HierarchyNumberOfContacts",
                "HierarchyNumberOfResponses",
                "HierarchyNumberOfOpportunities",
                "HierarchyNumberOfWonOpportunities",
                "HierarchyAmountAllOpportunities",
                "HierarchyAmountWonOpportunities",
            }
        ),
    }
)
"""Counters, amounts and ages by object, without what is described as computed anyway."""


def computed_names(description: ObjectDescription, named: Iterable[str] = ()) -> frozenset[str]:
    """Names, as the source spells them, of the fields that change without a stamp. `named` are those of settings."""
    silent = {name.lower() for name in (*EVERYWHERE, *SILENT.get(description.object_name, ()), *named)}
    return frozenset(field.name for field in description.fields if field.computed or field.name.lower() in silent)


def unknown_names(description: ObjectDescription, named: Iterable[str]) -> tuple[str, ...]:
    """Those of settings that the object does not have (any more): worth a word, and no reason to stop anything."""
    return tuple(name for name in named if not description.has(name))


def refresh_contract(contract: ObjectContract) -> ObjectContract | None:
    """
    The part of a contract that a refresh reads: key, stamp and the computed fields. None where it has none of them.

    The stamp tells whether a value belongs to the version that the warehouse holds.
    """
    if not any(field.computed for field in contract.fields):
        return None
    roles = {contract.key, contract.cursor}
    return replace(
        contract,
        fields=tuple(f for f in contract.fields if f.computed or f.name in roles),
        deleted_flag=None,
        merged_into=None,
    )
