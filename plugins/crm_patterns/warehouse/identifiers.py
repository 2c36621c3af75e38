"""
Names in SQL: checked, upper-case and always quoted, so that a table called ORDER is as good as any other.

Only such names are ever rendered into a statement; everything else is bound.
"""

from __future__ import annotations

import re

from crm_patterns.core.errors import FixSettings
from crm_patterns.core.ports import Table

MAX_LENGTH = 255
"""https://docs.snowflake.com/en/sql-reference/identifiers-syntax"""

_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_FOLDER = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)*")


def checked(name: str) -> str:
    """The name in upper case. FixSettings where it is more than letters, digits and underscores, or too long."""
    upper = name.upper()
    if not _NAME.fullmatch(upper) or len(upper) > MAX_LENGTH:
        raise FixSettings(
            f"{name[:80]!r} cannot be a name in the warehouse.",
            fix=f"Use a letter, then letters, digits and underscores, at most {MAX_LENGTH} characters.",
        )
    return upper


def identifier(name: str) -> str:
    """`opportunity` → `"OPPORTUNITY"`."""
    return f'"{checked(name)}"'


def table_name(table: Table) -> str:
    """`"SALESFORCE"."OPPORTUNITY"`, in the connection's database."""
    return f"{identifier(table.schema)}.{identifier(table.name)}"


def stage_name(stage: Table) -> str:
    """`@"CRM_ATTEMPTS"."LANDING"`, in the connection's database."""
    return f"@{table_name(stage)}"


def folder_name(folder: str) -> str:
    """A path inside an internal stage: letters, digits, underscores and slashes."""
    if not _FOLDER.fullmatch(folder):
        raise FixSettings(f"{folder!r} cannot be a folder in a stage.", fix="Use letters, digits and underscores.")
    return folder


def prose(text: str) -> str:
    """A sentence of ours as a comment in DDL, which takes no bound value: with typographic apostrophes, on one line."""
    plain = " ".join(text.split()).replace("\\", "/").replace("'", "’")
    return f"'{plain}'"


def inside_a_bound_statement(sql: str) -> str:
    """SQL of another maker, made safe to stand in a statement whose `%(name)s` are still to be bound."""
    return sql.replace("%", "%%")
