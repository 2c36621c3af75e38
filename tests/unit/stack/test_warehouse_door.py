from __future__ import annotations

import pytest

from stack.warehouse_door import first_word


@pytest.mark.parametrize(
    ("statement", "verb"),
    [
        ("merge into t using s on true", "merge"),
        ("\n  -- Newer wins; update nothing.\n-- again\n  MERGE into t", "merge"),
        ("/* create\n table */ select 1", "select"),
        ("", ""),
        ("-- only a comment", ""),
    ],
)
def test_the_verb_is_found_behind_comments(statement: str, verb: str) -> None:
    assert first_word(statement) == verb
