"""An installation in a folder of its own, with nothing running."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.home import StackHome
from stack.installation import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation.prepare(StackHome(tmp_path / "a 'stack' $HOME"))
