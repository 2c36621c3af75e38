"""
Names in the warehouse follow Fivetran's convention, so that dbt packages and dashboards written for it keep working.

A module of its own as DAG files need it, and next to nothing else.
"""

from __future__ import annotations

import re
import unicodedata


def column_name(name: str) -> str:
    """
    Fivetran's name: `AnnualRevenue` → `annual_revenue`, `Product2Id` → `product_2_id`, `My_Field__c` → `my_field_c`.

    A word ends where a small letter meets a capital, and where letters meet digits. Capitals in a row are one word with
    what follows (`LastCURequestDate` → `last_curequest_date`): so are the columns that existing models read.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])", "_", plain)
    joined = re.sub(r"[^A-Za-z0-9]+", "_", spaced).strip("_").lower()
    return joined if joined[:1].isalpha() else f"_{joined}"


def table_name(object_name: str) -> str:
    """The warehouse table of an object: its column name in upper case."""
    return column_name(object_name).upper()
