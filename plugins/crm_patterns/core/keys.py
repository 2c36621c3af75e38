"""
Keys of the package's own, for hashed columns and for staged files. Keys are secret; their ids are not.

An id is made from the key itself: a key that changed has another id, whoever forgot to say so.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from enum import StrEnum

from crm_patterns.core.errors import FixSettings

LEAST_CHARACTERS = 32
"""A shorter key could be guessed, and with it every hashed mail address or phone number."""


class Purpose(StrEnum):
    """What a key is for. Keys of two purposes have two ids, even where they are the same text."""

    HASH = "hash"
    STAGE = "stage"


class KeyRing:
    """The key in use (the first) and earlier ones, which still read what they wrote. Says no key when shown."""

    __slots__ = ("_by_id", "_purpose", "current")

    def __init__(self, purpose: Purpose, secrets: Sequence[str]) -> None:
        """FixSettings for a key that is too short. Without any, `current` is empty."""
        short = [number for number, secret in enumerate(secrets, start=1) if len(secret) < LEAST_CHARACTERS]
        if short:
            raise FixSettings(
                f"Key {short[0]} for {purpose} has fewer than {LEAST_CHARACTERS} characters, so it could be guessed.",
                fix="Make one with `openssl rand -base64 32` and put it on the connection of the keys.",
            )
        self._purpose = purpose
        self._by_id = {_id_of(purpose, secret): secret.encode() for secret in secrets}
        self.current = next(iter(self._by_id), "")

    def __repr__(self) -> str:
        return f"KeyRing({self._purpose}, {', '.join(self._by_id) or 'empty'})"

    def __reduce__(self) -> str:
        raise TypeError("Keys are not written anywhere.")

    def key(self, key_id: str, *, about: str) -> bytes:
        """The key of that id. FixSettings, naming what it is needed for, where it is not on the ring."""
        if key_id not in self._by_id:
            raise FixSettings(
                f"The {self._purpose} key {key_id}, which {about} needs, is not on the connection of the keys "
                f"(there: {', '.join(self._by_id) or 'none'}).",
                fix=f"Put that key under previous_{self._purpose}_secrets, or correct {self._purpose}_secret.",
            )
        return self._by_id[key_id]


def _id_of(purpose: Purpose, secret: str) -> str:
    return f"k{hmac.digest(secret.encode(), f'crm_patterns {purpose} key id'.encode(), 'sha256').hex()[:8]}"


NO_KEYS = KeyRing(Purpose.HASH, ())
