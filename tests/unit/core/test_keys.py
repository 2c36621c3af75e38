"""Keys: named by themselves, never shown."""

from __future__ import annotations

import copy
import pickle

import pytest

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.keys import KeyRing, Purpose

OLD, NEW = "the old key, of enough characters", "the new key, of enough characters"


def test_a_changed_key_has_another_id_and_the_same_key_the_same() -> None:
    assert KeyRing(Purpose.HASH, [OLD]).current == KeyRing(Purpose.HASH, [OLD]).current
    assert KeyRing(Purpose.HASH, [OLD]).current != KeyRing(Purpose.HASH, [NEW]).current
    assert KeyRing(Purpose.HASH, [OLD]).current != KeyRing(Purpose.STAGE, [OLD]).current


def test_earlier_keys_are_found_by_their_ids() -> None:
    before, after = KeyRing(Purpose.STAGE, [OLD]), KeyRing(Purpose.STAGE, [NEW, OLD])

    assert after.key(before.current, about="a file") == OLD.encode()
    assert after.key(after.current, about="a file") == NEW.encode()


def test_a_key_that_is_not_there_names_what_needs_it_and_what_is_there() -> None:
    ring = KeyRing(Purpose.STAGE, [NEW])

    with pytest.raises(FixSettings, match=f"key kffffffff, which a file needs.*{ring.current}.*previous_stage_secrets"):
        ring.key("kffffffff", about="a file")


def test_a_short_key_is_refused_and_not_shown() -> None:
    with pytest.raises(FixSettings, match="fewer than 32 characters") as told:
        KeyRing(Purpose.HASH, [NEW, "hunter2"])

    assert "hunter2" not in str(told.value)


def test_a_ring_shows_and_gives_away_no_key() -> None:
    ring = KeyRing(Purpose.HASH, [NEW, OLD])

    assert NEW not in f"{ring!r} {ring}"
    for leak in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="not written"):
            leak(ring)


def test_no_key_is_no_key() -> None:
    assert KeyRing(Purpose.HASH, []).current == ""
