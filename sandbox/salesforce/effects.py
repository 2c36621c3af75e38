"""What follows from a write: values Salesforce fills in itself, history, and roll-ups onto the parent."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from sandbox.salesforce.drafts import Draft
from sandbox.salesforce.rows import insert_rows
from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.store import Org

PROBABILITY = {
    "Prospecting": 10,
    "Qualification": 10,
    "Needs Analysis": 20,
    "Value Proposition": 50,
    "Id. Decision Makers": 60,
    "Perception Analysis": 70,
    "Proposal/Price Quote": 75,
    "Negotiation/Review": 90,
    "Closed Won": 100,
    "Closed Lost": 0,
}
IN_HISTORY = ("StageName", "Amount", "Probability", "CloseDate")
TRACKED = {
    "StageName": ("StageName", "DynamicEnum"),
    "Amount": ("Amount", "Currency"),
    "CloseDate": ("CloseDate", "DateOnly"),
    "NextStep": ("NextStep", "Text"),
    "OwnerId": ("Owner", "EntityId"),
    "AccountId": ("Account", "EntityId"),
}
AUTO_NUMBERS = {"Quote": "{:08d}", "Order": "{:08d}", "Subscription__c": "SUB-{:06d}"}
DERIVED = {
    "Opportunity": ("Probability", "LastStageChangeDate", "PushCount"),
    "Task": ("CompletedDateTime",),
}
REFERENCED = {"OwnerId": "User", "AccountId": "Account"}


def complete(
    org: Org,
    cursor: duckdb.DuckDBPyConnection,
    spec: ObjectSpec,
    drafts: Sequence[Draft],
    *,
    user_id: str,
    now: datetime,
) -> None:
    """Give each draft its whole row in `after`: defaults, id, stamps, and what is derived from other values."""
    new = [draft for draft in drafts if draft.before is None]
    blank = _defaults(spec) | {"CreatedDate": now, "CreatedById": user_id, "IsDeleted": False}
    for draft, record_id in zip(new, org.new_ids(spec.name, len(new)) if new else [], strict=True):
        draft.after = blank | draft.values | {"Id": record_id}
        if draft.after.get("OwnerId") is None:
            draft.after["OwnerId"] = user_id
    for draft in drafts:
        if draft.before is not None:
            draft.after = draft.before | draft.values
        draft.after |= {"LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
        if spec.name == "Opportunity":
            _complete_opportunity(draft, now)
        elif spec.name == "Task":
            _complete_task(draft, now)
    if new:
        _number(org, cursor, spec, new)


def touched(spec: ObjectSpec) -> set[str]:
    """Columns that an update may change beside those it was sent."""
    return {"LastModifiedDate", "LastModifiedById", "SystemModstamp", *DERIVED.get(spec.name, ())}


def follow(
    org: Org,
    cursor: duckdb.DuckDBPyConnection,
    spec: ObjectSpec,
    drafts: Sequence[Draft],
    *,
    user_id: str,
    now: datetime,
) -> None:
    """Write what the rows just stored bring about."""
    if spec.name == "Opportunity":
        _write_history(org, cursor, drafts, user_id=user_id, now=now)
        _write_field_history(org, cursor, drafts, user_id=user_id, now=now)
    elif spec.name == "OpportunityLineItem":
        _roll_up(cursor, drafts, user_id=user_id, now=now)


def _defaults(spec: ObjectSpec) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for name, field in spec.fields.items():
        if field.storage is None:
            continue
        if field.type == "boolean":
            defaults[name] = str(field.default).lower() == "true"
        elif field.default is not None:
            defaults[name] = field.default
    return defaults


def _complete_opportunity(draft: Draft, now: datetime) -> None:
    before, after = draft.before or {}, draft.after
    if before.get("StageName") != after["StageName"]:
        after["LastStageChangeDate"] = now
        if "Probability" not in draft.values:
            after["Probability"] = Decimal(PROBABILITY.get(after["StageName"], 0))
    if before and before["CloseDate"] is not None and _month(after["CloseDate"]) > _month(before["CloseDate"]):
        after["PushCount"] = (before["PushCount"] or 0) + 1


def _complete_task(draft: Draft, now: datetime) -> None:
    done = draft.after.get("Status") == "Completed"
    if done and (draft.before or {}).get("Status") != "Completed":
        draft.after["CompletedDateTime"] = now
    elif not done:
        draft.after["CompletedDateTime"] = None


def _number(org: Org, cursor: duckdb.DuckDBPyConnection, spec: ObjectSpec, drafts: Sequence[Draft]) -> None:
    automatic = [field for field in spec.fields.values() if field.auto_number]
    if not automatic:
        return
    ((first,),) = cursor.execute(f"select count(*) from {org.table(spec.name)}").fetchall()
    pattern = AUTO_NUMBERS.get(spec.name, "{:08d}")
    for position, draft in enumerate(drafts, start=first + 1):
        draft.after |= {field.name: pattern.format(position) for field in automatic}


def _write_history(
    org: Org, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], *, user_id: str, now: datetime
) -> None:
    """One OpportunityHistory row per save that touched stage, amount, probability or close date."""
    moved = [draft for draft in drafts if _changed(draft, IN_HISTORY)]
    if not moved:
        return
    opportunity, history = org.object("Opportunity"), org.object("OpportunityHistory")
    computed = _computed(
        org, cursor, opportunity, ["ExpectedRevenue", "ForecastCategory"], [d.after["Id"] for d in moved]
    )
    rows = []
    for draft, record_id in zip(moved, org.new_ids(history.name, len(moved)), strict=True):
        before, after = draft.before or {}, draft.after
        rows.append(
            {name: after.get(name) for name in IN_HISTORY}
            | computed[after["Id"]]
            | {"Id": record_id, "OpportunityId": after["Id"], "IsDeleted": False}
            | {"PrevAmount": before.get("Amount"), "PrevCloseDate": before.get("CloseDate")}
            | {"CreatedById": user_id, "CreatedDate": now, "SystemModstamp": now}
        )
    insert_rows(org, cursor, history, rows)


def _write_field_history(
    org: Org, cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], *, user_id: str, now: datetime
) -> None:
    """One row per tracked field that changed; two, name and id, for a reference; `created` for a new record."""
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        about = {"OpportunityId": draft.after["Id"], "IsDeleted": False, "CreatedById": user_id, "CreatedDate": now}
        if draft.before is None:
            rows.append(about | {"Field": "created", "DataType": "Text"})
            continue
        for name, (field, kind) in TRACKED.items():
            old, new = draft.before.get(name), draft.after.get(name)
            if old == new:
                continue
            rows.append(about | {"Field": field, "DataType": kind, "OldValue": _short(old), "NewValue": _short(new)})
            if name in REFERENCED:
                names = _names(org, cursor, REFERENCED[name], [each for each in (old, new) if each])
                values = {"OldValue": names.get(str(old)), "NewValue": names.get(str(new))}
                rows.append(about | {"Field": field, "DataType": "Text"} | values)
    history = org.object("OpportunityFieldHistory")
    for row, record_id in zip(rows, org.new_ids(history.name, len(rows)) if rows else [], strict=True):
        row["Id"] = record_id
    insert_rows(org, cursor, history, rows)


def _roll_up(cursor: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], *, user_id: str, now: datetime) -> None:
    """The parent's Amount is the sum of its products; the parent's stamp moves."""
    parents = sorted({draft.after["OpportunityId"] for draft in drafts})
    cursor.execute(
        """
        update "Opportunity" as kept
        set "Amount" = sums.amount, "HasOpportunityLineItem" = true, "SystemModstamp" = $now,
            "LastModifiedDate" = $now, "LastModifiedById" = $user_id
        from (
            select "OpportunityId" as id, sum(coalesce("TotalPrice", "Quantity" * "UnitPrice")) as amount
            from "OpportunityLineItem"
            where not "IsDeleted" and "OpportunityId" in (select unnest($parents::varchar[]))
            group by all
        ) as sums
        where kept."Id" = sums.id
        """,
        {"now": now, "user_id": user_id, "parents": parents},
    )


def _computed(
    org: Org, cursor: duckdb.DuckDBPyConnection, spec: ObjectSpec, names: Sequence[str], ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    fields: list[FieldSpec] = [spec.fields[name] for name in names]
    selected = ", ".join(org.select_sql(field, "kept") for field in fields)
    among = 'kept."Id" in (select unnest(?::varchar[]))'
    sql = f'select kept."Id", {selected} from {org.table(spec.name)} as kept where {among}'
    return {row[0]: dict(zip(names, row[1:], strict=True)) for row in cursor.execute(sql, [list(ids)]).fetchall()}


def _names(org: Org, cursor: duckdb.DuckDBPyConnection, object_name: str, ids: Sequence[str]) -> dict[str, str]:
    found = _computed(org, cursor, org.object(object_name), ["Name"], ids)
    return {record_id: values["Name"] for record_id, values in found.items()}


def _changed(draft: Draft, names: Sequence[str]) -> bool:
    return draft.before is None or any(draft.before.get(name) != draft.after.get(name) for name in names)


def _month(day: Any) -> tuple[int, int]:
    return (day.year, day.month)


def _short(value: Any) -> str | None:
    return None if value is None else str(value)[:255]
