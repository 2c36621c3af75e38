"""
The one mapping from a contract's types to Arrow's: clients make rows by it, the stage and the warehouse keep them.

pyarrow is imported inside the functions: the ground floor costs nothing until rows move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crm_patterns.core.contracts import ContractField, FieldKind, ObjectContract

if TYPE_CHECKING:
    import pyarrow as pa

FINGERPRINT_KEY = b"crm_patterns.contract"
"""Key of the schema's metadata that carries the contract's fingerprint."""

MAX_PRECISION = 38
"""Digits of decimal128, and of the widest NUMBER a warehouse holds."""


def arrow_type(field: ContractField) -> pa.DataType:
    """ValueError for a field that cannot move, or whose decimal digits do not fit 38."""
    import pyarrow as pa

    if field.kind is FieldKind.DECIMAL:
        precision, scale = field.precision or MAX_PRECISION, field.scale or 0
        if not 0 <= scale <= precision <= MAX_PRECISION:
            raise ValueError(f"Field {field.name} is a decimal({precision}, {scale}); at most 38 digits can move.")
        return pa.decimal128(precision, scale)
    plain = {
        FieldKind.TEXT: pa.string(),
        FieldKind.BOOLEAN: pa.bool_(),
        FieldKind.INTEGER: pa.int64(),
        FieldKind.DATE: pa.date32(),
        FieldKind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        FieldKind.TIME: pa.time64("us"),
    }
    if field.kind not in plain:
        raise ValueError(f"Field {field.name} is {field.kind.value}: it cannot be part of a contract.")
    return plain[field.kind]


def arrow_schema(contract: ObjectContract) -> pa.Schema:
    """The contract's columns in its order; every column nullable, because nulls are judged by rules, not by types."""
    import pyarrow as pa

    fields = [pa.field(field.column, arrow_type(field)) for field in contract.fields]
    return pa.schema(fields, metadata={FINGERPRINT_KEY: contract.fingerprint.encode()})
