"""
Names in the warehouse follow Fivetran's convention, so that dbt packages and dashboards written for it keep working.

A module of its own as DAG files need it, and next to nothing else.
"""

from __future__ import annotations

import re


def column_name(name: str) -> str:
    """`AnnualRevenue` → `annual_revenue`, `Product2` → `product_2`, `My_Field__c` → `my_field_c`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", spaced)
    spaced = re.sub(r"([A-Za-z])([0-9])", r"\1_\2", spaced)
    return re.sub(r"_+", "_", spaced).strip("_").lower()


def table_name(object_name: str) -> str:
    """The warehouse table of an object: its column name in upper case."""
    return column_name(object_name).upper()
