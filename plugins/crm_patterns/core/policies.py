"""What may be known of a column: everything, whether two values are the same, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum


class Policy(StrEnum):
    PLAIN = "plain"
    HASH = "hash"  # HMAC-SHA256 of the value: equal values stay equal, the value is never stored
    BLOCK = "block"  # never asked from the source


HISTORY_VALUES = ("OldValue", "NewValue")
"""Fields of a field-history object that carry what other fields held."""


def history_object(name: str) -> str:
    """The object in which the source keeps what the fields of `name` held before."""
    if name == "Opportunity":
        return "OpportunityFieldHistory"
    return f"{name.removesuffix('__c')}__History" if name.endswith("__c") else f"{name}History"


def open_histories(protected: Mapping[str, Sequence[str]], is_clear: Callable[[str, str], bool]) -> Iterator[str]:
    """
    Sentences on field-history objects that would carry protected values in clear.

    `protected` names the hashed and blocked fields of each object that moves; `is_clear` says whether a field of an
    object moves as it is.
    """
    for name, fields in protected.items():
        history = history_object(name)
        if not fields or history not in protected:
            continue
        clear = [value for value in HISTORY_VALUES if is_clear(history, value)]
        if clear:
            yield (
                f"{history} holds what {name}.{fields[0]} was before, in clear; "
                f"hash or block its {' and '.join(clear)} too"
            )
