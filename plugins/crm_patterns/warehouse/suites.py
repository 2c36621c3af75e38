"""
Rules that the rows of an object must keep: its contract's, and those of `include/expectations/<object>.json`.

A suite file is Great Expectations' own JSON. Under `meta`, each expectation says what follows from a failure:

    on_failure   reject_rows  the failing rows go to quarantine, the others go on (`mostly` makes no sense here)
                 stop         the whole object stops; `mostly` is the share of rows that must pass (default 1)
                 warn         nothing but a line in the log and in the Data Docs
    sentence     what is wrong and what to do about it, for the person who reads the quarantine
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.errors import FixSettings
from crm_patterns.core.rules import OnFailure, Rule

RECORD_ID_LENGTH = 18
"""https://help.salesforce.com/s/articleView?id=000385585: the case-safe form, which every API returns."""


def rules_for(contract: ObjectContract, root: Path, *, suite: str) -> tuple[Rule, ...]:
    """The contract's own rules, then those of the suite file, if there is one, about columns that the contract has."""
    path = root / f"{suite}.json"
    written = read_suite(path) if path.exists() else ()
    clear = {field.column for field in contract.fields if not field.hashed}
    return (*implied_rules(contract), *(rule for rule in written if set(rule.columns) <= clear))


def implied_rules(contract: ObjectContract) -> Iterator[Rule]:
    """Key unique and there; what is required is there; references are ids; restricted picklists hold their values."""
    key = contract.key_column
    yield _rule(
        key, "expect_column_values_to_not_be_null", OnFailure.STOP, "A record came without its id. Read it again."
    )
    yield _rule(
        key, "expect_column_values_to_be_unique", OnFailure.STOP,
        "A record came more than once. Read the window again; if it repeats, report it: the read is incomplete too.",
    )  # fmt: skip
    for item in contract.fields:
        if item.column == key:
            continue
        if not item.nullable:
            yield _rule(
                item.column, "expect_column_values_to_not_be_null", OnFailure.REJECT_ROWS,
                f"{item.name} is empty, but the source says that it never is. Fill it in at the source.",
            )  # fmt: skip
        yield from _text_rules(item)


def _text_rules(item: ContractField) -> Iterator[Rule]:
    if item.kind is not FieldKind.TEXT or item.hashed:
        return
    if item.references:
        yield _rule(
            item.column, "expect_column_value_lengths_to_equal", OnFailure.REJECT_ROWS,
            f"{item.name} is not an id of {RECORD_ID_LENGTH} characters. Correct the reference at the source.",
            value=RECORD_ID_LENGTH,
        )  # fmt: skip
    elif item.values:
        yield _rule(
            item.column, "expect_column_values_to_be_in_set", OnFailure.REJECT_ROWS,
            f"{item.name} holds a value that its restricted picklist does not have. "
            "Add the value to the picklist, or correct the record.",
            value_set=list(item.values),
        )  # fmt: skip


def _rule(column: str, kind: str, on_failure: OnFailure, sentence: str, **kwargs: Any) -> Rule:
    name = f"contract.{kind.removeprefix('expect_')}"
    return Rule(name, kind, {"column": column, **kwargs}, on_failure, sentence, (column,))


def read_suite(path: Path) -> tuple[Rule, ...]:
    """FixSettings names the file, the expectation's number and the key that is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise FixSettings(
            f"{path.name} is not valid JSON: {error.msg} in line {error.lineno}.", fix="Correct that line."
        ) from error
    items = data.get("expectations") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise FixSettings(f"{path.name} has no list `expectations`.", fix="Start from one of the shipped suites.")
    rules = tuple(_read_rule(path, number, item) for number, item in enumerate(items, start=1))
    names = [(rule.name, rule.columns) for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise FixSettings(
            f"{path.name} has {twice[0]} of {', '.join(twice[1])} twice.", fix="Give one of them another `meta.name`."
        )
    return rules


def _is_about_rows(kind: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether each row fails or passes by itself. Of two equal values, which is the wrong one?"""
    return kind.startswith("expect_column_value") and not kind.endswith("_unique") and "mostly" not in kwargs


def _read_rule(path: Path, number: int, item: Mapping[str, Any]) -> Rule:
    def wrong(key: str, problem: str) -> FixSettings:
        return FixSettings(f"{path.name}, expectation {number}, {key}: {problem}.", fix="Correct the suite.")

    kind, kwargs, meta = item.get("type"), item.get("kwargs"), item.get("meta") or {}
    if not isinstance(kind, str) or not kind.startswith("expect_"):
        raise wrong("type", "an expectation's type begins with expect_")
    if not isinstance(kwargs, dict):
        raise wrong("kwargs", "this key is missing or not a mapping")
    choices = [choice.value for choice in OnFailure]
    if meta.get("on_failure") not in choices:
        near = difflib.get_close_matches(str(meta.get("on_failure")), choices, n=1)
        raise wrong("meta.on_failure", f"write one of {', '.join(choices)}" + (f"; {near[0]}?" if near else ""))
    on_failure = OnFailure(meta["on_failure"])
    if not str(meta.get("sentence") or "").strip():
        raise wrong("meta.sentence", "say what is wrong and what to do about it")
    if on_failure is OnFailure.REJECT_ROWS and not _is_about_rows(kind, kwargs):
        raise wrong(
            "meta.on_failure", "reject_rows needs an expectation about the values of one column, without mostly"
        )
    columns = tuple(str(kwargs[key]).lower() for key in ("column", "column_A", "column_B") if key in kwargs)
    columns += tuple(str(name).lower() for name in kwargs.get("column_list", ()))
    return Rule(
        str(meta.get("name") or kind.removeprefix("expect_")), kind, kwargs, on_failure, meta["sentence"], columns
    )
