"""Values as clients send them → the text that is stored, or why not."""

import math
import re
from collections.abc import Mapping
from typing import Any

from sandbox.clock import iso, parse_ms
from sandbox.hubspot.errors import ValueProblem
from sandbox.hubspot.schema import FREE_OPTIONS, Property

LONGEST = 65_536
DAY_MS = 86_400_000
_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[A-Za-z]{2,}")

LIFECYCLE = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer",
             "evangelist", "other")  # fmt: skip


def stored_values(
    given: Mapping[str, Any], properties: Mapping[str, Property], present: Mapping[str, str]
) -> tuple[dict[str, str | None], list[ValueProblem]]:
    """
    What would be stored (None clears) and every problem there is with it.

    `present` are the record's values, which decide what an appended option and a stage that moves back become.
    """
    found: dict[str, str | None] = {}
    problems: list[ValueProblem] = []
    for name, value in given.items():
        known = properties.get(name)
        try:
            if known is None or known.archived:
                raise ValueProblem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
            found[name] = _stored(known, value, present.get(name))
        except ValueProblem as problem:
            problems.append(problem)
    if _moves_back(present.get("lifecyclestage"), found.get("lifecyclestage")):
        del found["lifecyclestage"]  # HubSpot takes the call and leaves the stage where it is
    return found, problems


def _moves_back(present: str | None, wanted: str | None) -> bool:
    if present not in LIFECYCLE or wanted not in LIFECYCLE:
        return False
    return LIFECYCLE.index(wanted) < LIFECYCLE.index(present)


def _stored(known: Property, value: Any, present: str | None) -> str | None:
    if known.read_only:
        raise ValueProblem(known.name, "READ_ONLY_VALUE", f'"{known.name}" is a read only property; its value cannot be set.')  # noqa: E501 # fmt: skip
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        value = str(value).lower()
    text = str(value)
    if len(text) > LONGEST:
        raise ValueProblem(known.name, "PROPERTY_VALUE_TOO_LONG", f"{known.name} is longer than {LONGEST} characters")
    return _BY_TYPE.get(known.type, _string)(known, text, present)


def _string(known: Property, text: str, _present: str | None) -> str:
    if known.check != "email":
        return text
    text = text.strip().lower()
    if not _EMAIL.fullmatch(text):
        raise ValueProblem(known.name, "INVALID_EMAIL", f"Email address {text} is invalid")
    return text


def _number(known: Property, text: str, _present: str | None) -> str:
    try:
        if not math.isfinite(float(text)):
            raise ValueError
    except ValueError:
        raise ValueProblem(known.name, "INVALID_NUMBER", f"{text} was not a valid number.") from None
    return text


def _bool(known: Property, text: str, _present: str | None) -> str:
    if text.lower() not in ("true", "false"):
        raise ValueProblem(known.name, "INVALID_BOOLEAN", f"{text} was not one of the allowed options: [true, false]")
    return text.lower()


def _datetime(known: Property, text: str, _present: str | None) -> str:
    try:
        return iso(parse_ms(text))
    except (ValueError, OverflowError):
        raise ValueProblem(known.name, "INVALID_DATE", f"{text} was not a valid long.") from None


def _date(known: Property, text: str, _present: str | None) -> str:
    try:
        stamp = parse_ms(text)
    except (ValueError, OverflowError):
        raise ValueProblem(known.name, "INVALID_DATE", f"{text} was not a valid long.") from None
    if stamp % DAY_MS:
        raise ValueProblem(known.name, "INVALID_DATE", f"{iso(stamp)} is not at midnight UTC")
    return iso(stamp)[:10]


def _enumeration(known: Property, text: str, present: str | None) -> str:
    if known.check in FREE_OPTIONS:
        return text
    chosen = [part for part in text.split(";") if part] if known.is_multiple else [text]
    for option in chosen:
        if option not in known.options:
            raise ValueProblem(
                known.name, "INVALID_OPTION", f"{option} was not one of the allowed options: {list(known.options)}"
            )
    if known.is_multiple and text.startswith(";"):  # adds to what is there
        chosen = [*(present or "").split(";"), *chosen]
    return ";".join(dict.fromkeys(filter(None, chosen)))


_BY_TYPE = {"number": _number, "bool": _bool, "datetime": _datetime, "date": _date, "enumeration": _enumeration}
