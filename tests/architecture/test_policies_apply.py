"""Policies of columns are not forgotten: what is read is chosen in one place."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "plugins" / "crm_patterns"


def test_operators_and_hooks_choose_fields_by_one_function() -> None:
    """A choice made by hand could leave out `blocked` or `hashed`, and protected values would move in clear."""
    files = [*PACKAGE.glob("operators/*.py"), *PACKAGE.glob("hooks/*.py"), *PACKAGE.glob("steps/*.py")]

    made = {file.name for file in files if "FieldChoice(" in file.read_text(encoding="utf-8")}

    assert made == {"step.py"}
