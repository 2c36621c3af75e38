"""
Settings: include/config/<pattern>.yaml → frozen, typed values.

Every mistake is reported at once, with file, line and key. One module per concern; what others need is named here.
"""

from crm_patterns.catalog.loading import include_dir, load_warehouse_elt
from crm_patterns.catalog.objects import ObjectSettings
from crm_patterns.catalog.warehouse_elt import WarehouseEltSettings

__all__ = ["ObjectSettings", "WarehouseEltSettings", "include_dir", "load_warehouse_elt"]
