"""What a measured ratio or number is held to."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio or number that the product is held to. `at_least` or at most."""

    name: str
    value: float
    bound: float
    at_least: bool

    @property
    def holds(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    @property
    def line(self) -> str:
        sign = "≥" if self.at_least else "≤"
        return f"| {self.name} | {self.value:.2f} | {sign} {self.bound:g} | {'holds' if self.holds else '**missed**'} |"


def table(bars: Iterable[Bar]) -> list[str]:
    """As Markdown."""
    return ["| bar | measured | bound | |", "|---|--:|--:|---|", *(bar.line for bar in bars)]


def machine(*packages: str) -> str:
    """Where a page was measured, in a sentence or two."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{platform.platform()}, Python {platform.python_version()}, {versions}. {os.cpu_count()} processors; load of "
        f"the last 15 minutes {os.getloadavg()[2]:.1f}: ratios of wall time mean little where others keep the "
        "processors busy."
    )
