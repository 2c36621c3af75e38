"""Before anything is published: does a person have to approve it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_patterns.core.outcomes import Tally
from crm_patterns.core.ports import Warehouse
from crm_patterns.core.staging import Manifest
from crm_patterns.core.windows import WindowKind
from crm_patterns.patterns.guards import Alarm, Asked, GuardRules, Volume, alarm


class ApprovalNeeded(Exception):
    """Not an error: what is foreseen is abnormal, and nothing was published."""

    def __init__(self, alarm: Asked) -> None:
        super().__init__(alarm.subject)
        self.alarm = alarm


def guard(
    warehouse: Warehouse,
    manifest: Manifest,
    foreseen: Tally,
    rules: GuardRules,
    *,
    is_part: bool,
    names: Mapping[str, Any],
    values: Mapping[str, Any],
) -> None:
    """
    Raises ApprovalNeeded where a full read shrinks or a window, or a part of the object, deletes more than the rules
    allow.

    Costs no statement where a window foresees fewer deletes than anybody is asked for.
    """
    is_full = not is_part and (manifest.contract.cursor is None or manifest.address.window.kind is WindowKind.FULL)
    if not is_full and foreseen.deleted < rules.deletes_at_least:
        return
    before, incoming = warehouse.run("warehouse_elt/measure_volume", names=names, values=values)[0]
    volume = Volume(int(before), foreseen.deleted, int(incoming) if is_full else None)
    reason = alarm(volume, rules)
    if reason:
        rows = warehouse.run("warehouse_elt/sample_deletes", names={**names, "is_full": is_full}, values=values)
        samples = [str(row[0]) for row in rows]
        raise ApprovalNeeded(Alarm(manifest.address.object_name, reason, samples, volume.going))
