"""
Settings: include/config/<pattern>.yaml → frozen, typed values.

Every mistake is reported at once, with file, line and key. One module per concern; what others need is named here.
The settings of the marketing pattern are loaded where they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from crm_patterns.catalog.loading import include_dir, load
from crm_patterns.catalog.objects import ObjectSettings
from crm_patterns.catalog.shared import CommonSettings
from crm_patterns.catalog.warehouse_elt import WarehouseEltSettings

if TYPE_CHECKING:
    from crm_patterns.catalog.marketing_sync import MarketingSyncSettings, PairingSettings, PlatformSettings

__all__ = [
    "CommonSettings",
    "MarketingSyncSettings",
    "ObjectSettings",
    "PairingSettings",
    "PlatformSettings",
    "WarehouseEltSettings",
    "include_dir",
    "load_marketing_sync",
    "load_warehouse_elt",
]


def load_warehouse_elt(path: Path, environ: Mapping[str, str] | None = None) -> WarehouseEltSettings:
    """Raises FixSettings with every mistake in the file."""
    return load(path, WarehouseEltSettings, environ)


def load_marketing_sync(path: Path, environ: Mapping[str, str] | None = None) -> MarketingSyncSettings:
    """Raises FixSettings with every mistake in the file."""
    from crm_patterns.catalog.marketing_sync import MarketingSyncSettings

    return load(path, MarketingSyncSettings, environ)
