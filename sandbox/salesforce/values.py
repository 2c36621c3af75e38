"""One value on its way into a field: turned into the field's type, or refused with Salesforce's code and sentence."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sandbox.salesforce.ids import is_id, to_18
from sandbox.salesforce.schema import FieldSpec

EMAIL = re.compile(r"^[^@\s,;<>()\[\]]+@[^@\s,;<>()\[\]]+\.[^@\s.,;<>()\[\]]{1,}$")
TEXT = {"string", "textarea", "email", "phone", "url", "picklist", "combobox", "multipicklist", "encryptedstring"}
FRACTIONAL = {"double", "currency", "percent"}
WHOLE = {"int": 9, "long": 18}
WRONG_TYPE = "INVALID_TYPE_ON_FIELD_IN_RECORD"
TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a record was not written: Salesforce's status code, its sentence, the fields it is about."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of collections, upsert and composite replies."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def as_text(self) -> str:
        """The shape of `sf__Error` in a result file."""
        named = f"{','.join(self.fields)} " if self.fields else ""
        return f"{self.code}:{self.message}:{named}--"


class RefusedValue(Exception):
    """The value cannot be stored; `error` says why."""

    def __init__(self, code: str, message: str, *fields: str) -> None:
        super().__init__(message)
        self.error = RowError(code, message, fields)


def stored(spec: FieldSpec, raw: Any, *, from_text: bool) -> Any:
    """The value as the store keeps it: str, Decimal, int, bool, date, datetime (UTC, without zone), time or None.

    `from_text` says that the value is a CSV cell, where a boolean or a number is spelled out. Raises RefusedValue.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip() and spec.type != "boolean"):
        return None
    try:
        return _converted(spec, raw, from_text=from_text)
    except RefusedValue as refusal:
        if from_text or refusal.error.code != WRONG_TYPE:
            raise
        found = {str: "VALUE_STRING", bool: "VALUE_BOOLEAN"}.get(type(raw), "VALUE_NUMBER")
        sentence = (
            f"Cannot deserialize instance of {spec.type} from {found} value {raw} or request may be missing a required "
            "field at [line:1, column:1]"
        )
        raise RefusedValue("JSON_PARSER_ERROR", sentence, spec.name) from None


def _converted(spec: FieldSpec, raw: Any, *, from_text: bool) -> Any:
    if spec.type in ("id", "reference"):
        return _reference(spec, raw)
    if spec.type == "boolean":
        return _boolean(spec, raw, from_text=from_text)
    if spec.type in FRACTIONAL or spec.type in WHOLE:
        return _number(spec, raw, from_text=from_text)
    if spec.type in ("date", "datetime", "time"):
        return _moment(spec, raw)
    return _text(spec, raw)


def _text(spec: FieldSpec, raw: Any) -> str:
    if not isinstance(raw, str):
        if isinstance(raw, bool | int | float | Decimal) and spec.type in ("string", "textarea"):
            raw = str(raw).lower() if isinstance(raw, bool) else str(raw)
        else:
            raise _wrong_type(spec, raw)
    text = str(raw).strip()
    if spec.length and len(text) > spec.length:
        sentence = f"{spec.label}: data value too large: {text} (max length={spec.length})"
        raise RefusedValue("STRING_TOO_LONG", sentence, spec.name)
    if spec.type == "email" and not EMAIL.match(text):
        raise RefusedValue("INVALID_EMAIL_ADDRESS", f"{spec.label}: invalid email address: {text}", spec.name)
    if spec.restricted and spec.type in ("picklist", "multipicklist"):
        chosen = text.split(";") if spec.type == "multipicklist" else [text]
        return ";".join(_restricted(spec, each) for each in chosen)
    return text


def _restricted(spec: FieldSpec, text: str) -> str:
    for choice in spec.picklist:
        if choice.lower() == text.lower():
            return choice
    sentence = f"{spec.label}: bad value for restricted picklist field: {text}"
    raise RefusedValue("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", sentence, spec.name)


def _reference(spec: FieldSpec, raw: Any) -> str:
    if not isinstance(raw, str) or not is_id(raw.strip()):
        sentence = f"{spec.label}: id value of incorrect type: {raw}"
        raise RefusedValue("MALFORMED_ID", sentence, spec.name)
    return to_18(raw.strip())


def _boolean(spec: FieldSpec, raw: Any, *, from_text: bool) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in TRUE + FALSE and (from_text or raw.strip() not in "10"):
        return raw.strip().lower() in TRUE
    raise _wrong_type(spec, raw)


def _number(spec: FieldSpec, raw: Any, *, from_text: bool) -> Decimal | int:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal | str):
        raise _wrong_type(spec, raw)
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise _wrong_type(spec, raw) from None
    if not number.is_finite() or (isinstance(raw, str) and not from_text and "_" in raw):
        raise _wrong_type(spec, raw)
    if spec.type in WHOLE:
        if number != number.to_integral_value():
            raise _wrong_type(spec, raw)
        digits, scale = spec.digits or WHOLE[spec.type], 0
    else:
        digits, scale = spec.precision, spec.scale
    if abs(number) >= Decimal(10) ** (digits - scale):
        sentence = f"{spec.label}: value outside of valid range on numeric field: {raw}"
        raise RefusedValue("NUMBER_OUTSIDE_VALID_RANGE", sentence, spec.name)
    rounded = number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP)
    return int(rounded) if spec.type in WHOLE else rounded


def _moment(spec: FieldSpec, raw: Any) -> date | datetime | time:
    if not isinstance(raw, str):
        raise _wrong_type(spec, raw)
    text = raw.strip()
    try:
        if spec.type == "date":
            return date.fromisoformat(text[:10]) if len(text) == 10 or text[10:11] == "T" else date.fromisoformat(text)
        if spec.type == "time":
            return time.fromisoformat(text.removesuffix("Z"))
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong_type(spec, raw) from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=0)


def _wrong_type(spec: FieldSpec, raw: Any) -> RefusedValue:
    sentence = f"{spec.label}: value not of required type: {raw}"
    return RefusedValue(WRONG_TYPE, sentence, spec.name)
