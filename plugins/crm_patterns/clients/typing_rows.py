"""
Texts → typed Arrow columns, as the contract says; rows that do not fit are set aside with a reason.

Whole columns are cast at once; only a column that does not cast is looked at value by value.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from crm_patterns.core.arrow_types import MAX_PRECISION, arrow_schema, arrow_type
from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract
from crm_patterns.core.keys import KeyRing
from crm_patterns.core.records import Page, RejectedRow, RejectionClass

_INT64 = range(-(2**63), 2**63)
_ANY_DECIMAL = ContractField("", "", FieldKind.DECIMAL, precision=2 * MAX_PRECISION, scale=MAX_PRECISION)


class Misfit(ValueError):
    """A value is not of its field's type; the text says how, beginning after the field's name."""


def typed_page(contract: ObjectContract, texts: Mapping[str, pa.Array], keys: KeyRing) -> Page:
    """
    Type columns of texts (string or binary arrays by contract column, null for no value).

    A row with a value that does not fit becomes a RejectedRow of rule `type:<kind>`, for its first such field. `keys`
    are those that hashed fields are hashed with.
    """
    columns: list[pa.Array] = []
    misfits: dict[int, tuple[ContractField, str]] = {}
    for field in contract.fields:
        column, faults = typed_column(field, texts[field.column], keys)
        columns.append(column)
        for row, reason in faults.items():
            misfits.setdefault(row, (field, reason))
    batch = pa.RecordBatch.from_arrays(columns, schema=arrow_schema(contract))
    if not misfits:
        return Page(batch)
    rejected = tuple(_rejected(contract, texts, row, *misfits[row]) for row in sorted(misfits))
    fits = pa.array([row not in misfits for row in range(batch.num_rows)])
    return Page(batch.filter(fits), rejected)


def typed_column(field: ContractField, texts: pa.Array, keys: KeyRing) -> tuple[pa.Array, dict[int, str]]:
    """The column as its field's type, null where a value does not fit, and why by row number."""
    if field.hashed:
        return hashed(field, texts, keys), {}
    wanted = arrow_type(field)
    try:
        if field.kind is not FieldKind.TIME:
            return texts.cast(pa.string()).cast(wanted), {}
    except pa.ArrowInvalid:
        pass  # some value does not cast: look at each
    values: list[Any] = []
    faults: dict[int, str] = {}
    read = READERS[field.kind]
    for row, raw in enumerate(texts.cast(pa.binary()).to_pylist()):
        try:
            values.append(None if raw is None else read(_decoded(raw), field))
        except Misfit as misfit:
            values.append(None)
            faults[row] = f"{field.name} {misfit}"
    return pa.array(values, wanted), faults


def hashed(field: ContractField, texts: pa.Array, keys: KeyRing) -> pa.Array:
    """
    HMAC-SHA256, 64 hexadecimal digits, of each text's UTF-8 bytes; null stays null.

    Numbers, times and checkboxes are hashed in one written form, whichever interface they came by. What is not of its
    kind is hashed as it came: no message may quote it.
    """
    key = keys.key(field.hash_key, about=field.name)
    kind = field.hashed_from or FieldKind.TEXT
    digests = [
        None if raw is None else hmac.digest(key, _canonical(raw, kind), "sha256").hex()
        for raw in texts.cast(pa.binary()).to_pylist()
    ]
    return pa.array(digests, pa.string())


def _canonical(raw: bytes, kind: FieldKind) -> bytes:
    if kind is FieldKind.TEXT:
        return raw
    try:
        value = READERS[kind](_decoded(raw), _ANY_DECIMAL)
    except Misfit:
        return raw
    if isinstance(value, Decimal):
        return f"{value.normalize():f}".encode()
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()


def _rejected(
    contract: ObjectContract, texts: Mapping[str, pa.Array], row: int, field: ContractField, reason: str
) -> RejectedRow:
    payload = {f.name: _shown(texts[f.column][row].as_py()) for f in contract.fields if not f.hashed}
    return RejectedRow(
        record_key=_shown(texts[contract.key_column][row].as_py()) or "",
        reason=reason,
        rejection=RejectionClass.CONTRACT,
        rule=f"type:{field.kind}",
        field_name=field.name,
        payload=payload,
    )


def _shown(value: bytes | str | None) -> str | None:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Misfit("is not valid UTF-8 text.") from None


def _text(text: str, _: ContractField) -> str:
    return text


def _boolean(text: str, _: ContractField) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())
    if known is None:
        raise Misfit(f"holds {text!r}, which is neither true nor false.")
    return known


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        raise Misfit(f"holds {text!r}, which is not a number.") from None
    if not number.is_finite():
        raise Misfit(f"holds {text!r}, which is not a finite number.")
    return number


def _integer(text: str, _: ContractField) -> int:
    number = _number(text)
    if number.adjusted() > 18 or number != number.to_integral_value() or int(number) not in _INT64:
        raise Misfit(f"holds {text!r}, which is not a whole number of at most 64 bits.")
    return int(number)


def _decimal(text: str, field: ContractField) -> Decimal:
    number = _number(text)
    precision, scale = field.precision or MAX_PRECISION, field.scale or 0
    _sign, digits, exponent = number.normalize().as_tuple()
    if not number:
        return Decimal(0)
    if -int(exponent) > scale:
        raise Misfit(f"holds {text!r}: {-int(exponent)} decimal places where the contract allows {scale}.")
    whole = len(digits) + int(exponent)
    if whole > precision - scale:
        raise Misfit(f"holds {text!r}: {whole} digits before the point where the contract allows {precision - scale}.")
    return number


def _date(text: str, _: ContractField) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Misfit(f"holds {text!r}, which is not a date like 2026-01-31.") from None


def _timestamp(text: str, _: ContractField) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misfit(f"holds {text!r}, which is not a date-time like 2026-01-31T08:15:30.000Z.") from None


def _time(text: str, _: ContractField) -> time:
    try:
        return time.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        raise Misfit(f"holds {text!r}, which is not a time of day like 08:15:30.000Z.") from None


READERS: dict[FieldKind, Callable[[str, ContractField], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.INTEGER: _integer,
    FieldKind.DECIMAL: _decimal,
    FieldKind.DATE: _date,
    FieldKind.TIMESTAMP: _timestamp,
    FieldKind.TIME: _time,
}


def columns_by_field(contract: ObjectContract, texts: Mapping[str, Sequence[str | None]]) -> dict[str, pa.Array]:
    """Texts by source field name → string arrays by contract column."""
    return {field.column: pa.array(texts[field.name], pa.string()) for field in contract.fields}
