"""
Which fields change without a new stamp, so that no window ever brings their new values.

Formulas and roll-ups are described as computed. Some standard fields are kept by Salesforce itself without touching the
record's stamp and are not described so; they are listed here. Others are named by settings (`refresh`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from crm_patterns.core.contracts import ObjectContract, ObjectDescription
from crm_patterns.core.errors import FixSettings

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
    """
    Names of the object's fields that change without a stamp, as the source spells them.

    `named` are those of settings; FixSettings where one of them is not a field of the object.
    """
    unknown = [name for name in named if not description.has(name)]
    if unknown:
        near = difflib.get_close_matches(unknown[0], [field.name for field in description.fields], n=1)
        raise FixSettings(
            f"refresh of {description.object_name} names {', '.join(unknown)}, which the object does not have.",
            fix=(f"Did you mean {near[0]}? " if near else "") + "Correct it in include/config/warehouse_elt.yaml.",
        )
    silent = {name.lower() for name in (*EVERYWHERE, *SILENT.get(description.object_name, ()), *named)}
    return frozenset(field.name for field in description.fields if field.computed or field.name.lower() in silent)


def refresh_contract(contract: ObjectContract, names: frozenset[str]) -> ObjectContract | None:
    """
    The part of a contract that a refresh reads: key, stamp and the computed fields. None where it has none of them.

    The stamp tells whether a value belongs to the version that the warehouse holds.
    """
    roles = {contract.key, contract.cursor}
    computed = [field for field in contract.fields if field.name in names and field.name not in roles]
    if not computed:
        return None
    kept = {*roles, *(field.name for field in computed)}
    return replace(contract, fields=tuple(f for f in contract.fields if f.name in kept), deleted_flag=None)


def values_of(contract: ObjectContract) -> tuple[str, ...]:
    """Columns of a refresh contract without key and stamp."""
    return tuple(field.column for field in contract.fields if field.name not in (contract.key, contract.cursor))
