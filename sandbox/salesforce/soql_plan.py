"""What a compiled query is made of."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SelectedColumn:
    """One column of the answer: its header as Bulk writes it, its path, its Salesforce type."""

    header: str
    path: tuple[str, ...]
    type: str
    length: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Where in a row the id of the record at `path` is; () is the row's own record."""

    path: tuple[str, ...]
    object_name: str
    position: int


@dataclass(frozen=True, slots=True)
class Children:
    """A child subquery: `sql` gives the children of the parents in its first parameter, the parent's id last."""

    relationship: str
    object_name: str
    sql: str
    params: list[Any]
    columns: list[SelectedColumn]
    links: list[Link]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A query ready to run: `sql` with `$1`, `$2`, … bound to `params`, its columns in the order of `columns`.

    `count_only` is set for SELECT COUNT(): `sql` then gives one number. For REST, columns after
    those of `columns` hold the ids that `links` tells of.
    """

    sql: str
    params: list[Any]
    object_name: str
    columns: list[SelectedColumn]
    aggregate: bool = False
    count_only: bool = False
    children: list[Children] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
