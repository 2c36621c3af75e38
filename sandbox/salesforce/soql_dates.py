"""Relative date literals: which span of days a word such as LAST_N_DAYS:3 means. Weeks begin on Sunday (en_US)."""

import re
from datetime import date, timedelta

_COUNTED = re.compile(r"^(last_n|next_n|n)_(days|weeks|months|quarters|years)(?:_ago)?\s*:\s*(\d+)$", re.IGNORECASE)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_STEPS = {"last": -1, "this": 0, "next": 1}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def span(literal: str, today: date) -> tuple[date, date]:
    """First day, and the day after the last, that the literal covers. Raises ValueError for a date out of range."""
    word = literal.lower()
    if word in _DAYS:
        first = today + timedelta(days=_DAYS[word])
        return first, first + timedelta(days=1)
    if match := _COUNTED.match(word):
        return _counted(match[1], match[2].removesuffix("s"), int(match[3]), today)
    if word.endswith("_90_days"):
        return _counted("last_n" if word.startswith("last") else "next_n", "day", 90, today)
    step, unit = word.split("_")
    return _moved(unit, _STEPS[step], today), _moved(unit, _STEPS[step] + 1, today)


def _counted(kind: str, unit: str, count: int, today: date) -> tuple[date, date]:
    if kind == "n":
        return _moved(unit, -count, today), _moved(unit, 1 - count, today)
    if kind == "next_n":
        return _moved(unit, 1, today), _moved(unit, 1 + count, today)
    # LAST_N_DAYS runs to the end of today; the longer units end before the present one.
    return _moved(unit, -count, today), _moved(unit, 1 if unit == "day" else 0, today)


def _moved(unit: str, steps: int, today: date) -> date:
    """First day of the unit that lies `steps` units from the present one."""
    try:
        if unit == "day":
            return today + timedelta(days=steps)
        if unit == "week":
            return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=steps)
        months = _MONTHS[unit]
        start = today.year * 12 + (today.month - 1) // months * months + steps * months
        return date(start // 12, start % 12 + 1, 1)
    except OverflowError as error:
        raise ValueError(f"{steps} {unit}s from {today} is out of range") from error
