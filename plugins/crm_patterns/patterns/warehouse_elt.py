"""Decisions of the warehouse pattern: which fields move under which names, which window is read, by which interface."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crm_patterns.core.contracts import ContractField, DescribedField, FieldKind, ObjectContract, ObjectDescription
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.fingerprints import short_fingerprint
from crm_patterns.core.windows import Window, WindowKind
from crm_patterns.patterns.computed_fields import computed_names
from crm_patterns.patterns.naming import column_name, table_name

CURSORS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
"""In this order: the first moves on every write and is indexed, the last never moves (insert-only objects)."""

INSERT_ONLY_CURSOR = CURSORS[-1]

NO_CURSOR = "none"
"""As the setting `cursor`: read all of it each time and compare, as for an object that has none."""

VIEWER_NOISE = frozenset({"lastvieweddate", "lastreferenceddate"})
"""These tell when the *reading* user last looked at a record: noise of our own making."""

COMPOUND = frozenset({"address", "location"})
"""Types of fields that show other fields at once. They never move themselves; what they are made of does."""

_HASH_HEX_DIGITS = 64


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """
    What the settings say about an object's fields. Names are matched without regard to case.

    `hash_key` is the id of the key that hashed fields are hashed with; empty where there is none.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hashed: tuple[str, ...] = ()
    cursor: str | None = None
    blocked: tuple[str, ...] = ()
    hash_key: str = ""
    refresh: tuple[str, ...] = ()


def make_contract(
    source: str, description: ObjectDescription, choice: FieldChoice, *, known: Set[str] = frozenset()
) -> ObjectContract:
    """
    Agree what moves of an object as it is described now. FixSettings names every setting that does not fit.

    `known`: lower-cased names of fields that were read before: that settings name one that has gone is no mistake.
    """
    _check_choice(description, choice, known)
    key = _required(description, "Id")
    cursor = _cursor(description, choice)
    deleted = description.by_name.get("isdeleted")
    _check_policies(description, choice, {role.name for role in (key, cursor, deleted) if role is not None})
    hashed = {name.lower() for name in choice.hashed}
    hidden = hashed | {name.lower() for name in choice.blocked}
    merged_into = description.by_name.get("masterrecordid") if "masterrecordid" not in hidden else None
    roles = {field.name for field in (key, cursor, deleted, merged_into) if field is not None}
    chosen = [field for field in description.fields if field.name in roles or _is_chosen(field, choice)]
    columns = _distinct_columns(field.name for field in chosen)
    computed = computed_names(description, choice.refresh) - roles
    return ObjectContract(
        source=source,
        object_name=description.object_name,
        table=table_name(description.object_name),
        fields=tuple(
            replace(
                _agree_hashed(f, columns[f.name], choice.hash_key)
                if f.name.lower() in hashed
                else _agree(f, columns[f.name]),
                computed=f.name in computed,
            )
            for f in chosen
        ),
        key=key.name,
        cursor=cursor.name if cursor else None,
        deleted_flag=deleted.name if deleted else None,
        merged_into=merged_into.name if merged_into else None,
        cursor_moves=cursor is not None and cursor.name != INSERT_ONLY_CURSOR,
    )


def _is_chosen(field: DescribedField, choice: FieldChoice) -> bool:
    name = field.name.lower()
    if field.kind is FieldKind.UNREADABLE or name in VIEWER_NOISE:
        return False
    if name in {forbidden.lower() for forbidden in choice.blocked}:
        return False
    if choice.include:
        return name in {wanted.lower() for wanted in choice.include}
    return name not in {unwanted.lower() for unwanted in choice.exclude}


def _agree_hashed(field: DescribedField, column: str, hash_key: str) -> ContractField:
    return ContractField(
        name=field.name,
        column=column,
        kind=FieldKind.TEXT,
        length=_HASH_HEX_DIGITS,
        nullable=field.nullable,
        hashed=True,
        hashed_from=field.kind,
        hash_key=hash_key,
        label=field.label,
        help=field.help,
    )


def _agree(field: DescribedField, column: str) -> ContractField:
    return ContractField(
        name=field.name,
        column=column,
        kind=field.kind,
        length=field.length,
        precision=field.precision,
        scale=field.scale,
        nullable=field.nullable,
        values=field.values if field.values_restricted and field.source_type != "multipicklist" else (),
        references=field.references,
        label=field.label,
        help=field.help,
    )


def _distinct_columns(names: Iterable[str]) -> dict[str, str]:
    """Two API names can give one column (`MyField__c`, `My_Field__c`): the later one by name gets a stable suffix."""
    columns: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(names):
        column = plain = column_name(name)
        digits = 4
        while column in taken:
            column = f"{plain}_{short_fingerprint(name, digits=digits)}"
            digits += 4
        taken.add(column)
        columns[name] = column
    return columns


def _cursor(description: ObjectDescription, choice: FieldChoice) -> DescribedField | None:
    if choice.cursor == NO_CURSOR:
        return None
    if choice.cursor:
        return description.by_name[choice.cursor.lower()]
    return next((description.by_name[name.lower()] for name in CURSORS if description.has(name)), None)


def likely_cursor(object_name: str, choice: FieldChoice) -> str | None:
    """The cursor that the object will turn out to have, before it is described: a wrong guess costs one more call."""
    if choice.cursor:
        return choice.cursor if choice.cursor != NO_CURSOR else None
    is_field_history = object_name.endswith("History") and object_name != "OpportunityHistory"
    return CURSORS[-1] if is_field_history else CURSORS[0]


def _required(description: ObjectDescription, name: str) -> DescribedField:
    field = description.by_name.get(name.lower())
    if field is None:
        raise FixSettings(
            f"{description.object_name} has no field {name} that this user may read.",
            fix="Give the integration user access to it, or take the object out of warehouse_elt.yaml.",
        )
    return field


def _check_choice(description: ObjectDescription, choice: FieldChoice, known: Set[str]) -> None:
    problems = []
    named = [("include", n) for n in choice.include] + [("exclude", n) for n in choice.exclude]
    named += [("hash", n) for n in choice.hashed] + [("block", n) for n in choice.blocked]
    named += [("cursor", choice.cursor)] if choice.cursor and choice.cursor != NO_CURSOR else []
    for setting, name in named:
        field = description.by_name.get(name.lower())
        is_past = setting == "exclude" or (setting != "cursor" and name.lower() in known)
        if field is None and not is_past:  # a field that is gone is excluded already
            near = difflib.get_close_matches(name, [f.name for f in description.fields], n=1)
            if near or setting != "block":  # and blocked; but a misspelt one would move in clear
                problems.append(f"{setting}: no field {name}" + (f" (did you mean {near[0]}?)" if near else ""))
        elif field is not None and setting == "block" and field.source_type in COMPOUND:
            problems.append(f"block: {field.name} is made of other fields and moves only as those; block them by name")
        elif field is not None and setting in ("include", "hash") and field.kind is FieldKind.UNREADABLE:
            problems.append(f"{setting}: {field.name} is of type {field.source_type}, which cannot be read in bulk")
        elif field is not None and setting == "cursor" and field.kind is not FieldKind.TIMESTAMP:
            problems.append(f"cursor: {field.name} is not a date-time")
    if problems:
        raise FixSettings(
            f"The settings of {description.object_name} do not fit the object: {'; '.join(problems)}.",
            fix="Correct them in include/config/warehouse_elt.yaml, or give the integration user access to the field.",
        )


def window_read(claimed: Window, contract: ObjectContract) -> Window:
    """
    The window that is really read. Without a cursor nothing tells what is new: then it is all there is, up to the same
    end; a backfill's stays what it was asked to be.
    """
    if contract.cursor is None and claimed.kind is WindowKind.INCREMENTAL:
        return Window(None, claimed.end, WindowKind.FULL)
    return claimed


def _check_policies(description: ObjectDescription, choice: FieldChoice, roles: Collection[str]) -> None:
    name = description.object_name
    needed = {role.lower() for role in roles}
    refused = [field for field in (*choice.hashed, *choice.blocked) if field.lower() in needed]
    if refused:
        raise FixSettings(
            f"{', '.join(refused)} of {name} cannot be hashed or blocked: without it no record can be told from "
            "another, found again, or known to be deleted.",
            fix="Take it out of `hash` and `columns` in include/config/warehouse_elt.yaml.",
        )
    if choice.hashed and not choice.hash_key:
        raise FixSettings(
            f"{name}.{choice.hashed[0]} is to be hashed, but there is no key to hash it with.",
            fix="Put a key of at least 32 characters (`openssl rand -base64 32`) into the password of the connection "
            "crm_keys; see docs/governance.md.",
        )


def decide_window(
    kind: WindowKind,
    *,
    horizon: datetime,
    watermark: datetime | None,
    overlap: timedelta,
    interval: tuple[datetime, datetime] | None = None,
) -> Window:
    """
    The window that a run reads.

    `horizon` is the source's clock less the lag: nothing newer is read, because it may still be uncommitted. The first
    run reads from the beginning of time. A backfill reads exactly its data interval, as far as the horizon allows.
    """
    if kind is WindowKind.BACKFILL:
        if interval is None:
            raise FixSettings(
                "This backfill run carries no data interval.", fix="Schedule the DAG with CronDataIntervalTimetable."
            )
        start, end = interval
        return Window(start, max(start, min(end, horizon)), kind)
    if kind is WindowKind.FULL or watermark is None:
        return Window(None, horizon, kind)
    return Window(watermark - overlap, max(horizon, watermark), kind)
