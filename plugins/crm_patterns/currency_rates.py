"""Dated rates of currencies, `include/config/currency_rates.yaml`: needed where amounts have several currencies."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from crm_patterns.core.errors import FixSettings

Rates = tuple[dict[str, str | None], ...]


class Rate(BaseModel):
    """From a day on, until the next line of its currency, one unit is worth `rate` of the reporting currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    valid_from: date
    rate: Annotated[Decimal, Field(gt=0, max_digits=24, decimal_places=12)]


def load_rates(path: Path) -> Rates:
    """By currency and day, each with the day the next one begins. FixSettings names the line that is wrong."""
    try:
        found = TypeAdapter(list[Rate]).validate_python(_read(path))
    except ValidationError as error:
        at = " ".join(str(part) for part in error.errors()[0]["loc"])
        raise _wrong(path, f"entry {at}: {error.errors()[0]['msg']}") from error
    rows: list[dict[str, str | None]] = []
    for currency, group in itertools.groupby(sorted(found, key=_place), key=lambda rate: rate.currency):
        known = list(group)
        for rate, following in itertools.zip_longest(known, known[1:]):
            if following is not None and following.valid_from == rate.valid_from:
                raise _wrong(path, f"{currency} has two rates from {rate.valid_from} on")
            until = following.valid_from.isoformat() if following else None
            rows.append({"currency": currency, "valid_from": rate.valid_from.isoformat(), "valid_to": until,
                         "rate": f"{rate.rate:f}"})  # fmt: skip
    return tuple(rows)


def _place(rate: Rate) -> tuple[str, date]:
    return rate.currency, rate.valid_from


def _read(path: Path) -> list[Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - texts only: exact
    except (OSError, yaml.YAMLError) as error:
        raise _wrong(path, " ".join(str(error).split())) from error
    return (data or {}).get("rates") or []


def _wrong(path: Path, problem: str) -> FixSettings:
    return FixSettings(f"The currency rates in {path} are not understood: {problem}.", fix="Correct that file.")
