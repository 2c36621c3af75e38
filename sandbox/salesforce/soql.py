"""SOQL → DuckDB SQL. A query is read, checked against the schema and what Salesforce refuses, and compiled.

REST and Bulk API 2.0 differ in what they refuse ("Bulk API 2.0 – Understanding Bulk API 2.0 Query").
"""

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import SalesforceFault, invalid_type
from sandbox.salesforce.schema import COMPOUNDS, FieldSpec
from sandbox.salesforce.soql_plan import Children, Compiled, Link, SelectedColumn
from sandbox.salesforce.soql_refusals import check_bulk_field, check_bulk_query, check_clauses
from sandbox.salesforce.soql_scope import Reached, Scope
from sandbox.salesforce.soql_syntax import Node, malformed, parse, place
from sandbox.salesforce.soql_where import Conditions

if TYPE_CHECKING:
    from sandbox.salesforce.store import Org

FIELDS_LIMIT = 200
__all__ = ["Children", "Compiled", "Link", "SelectedColumn", "compile"]

_AGGREGATES = {"count": "count({})", "count_distinct": "count(distinct {})", "sum": "sum({})", "avg": "avg({})",
               "min": "min({})", "max": "max({})"}  # fmt: skip
_DATE_PARTS = {
    "calendar_year": ("cast(year({}) as integer)", "int"),
    "calendar_quarter": ("cast(quarter({}) as integer)", "int"),
    "calendar_month": ("cast(month({}) as integer)", "int"),
    "day_in_month": ("cast(day({}) as integer)", "int"),
    "hour_in_day": ("cast(hour({}) as integer)", "int"),
    "day_only": ("cast({} as date)", "date"),
}


def compile(org: "Org", text: str, *, bulk: bool, include_deleted: bool) -> Compiled:  # noqa: A001 - the verb it is
    """Check and compile a query. Raises SalesforceFault: 400 with MALFORMED_QUERY, INVALID_FIELD, INVALID_TYPE, …"""
    return _Query(org, text, parse(text), bulk=bulk, include_deleted=include_deleted).compiled()


class _Query:
    """One query on its way from tree to SQL."""

    def __init__(self, org: "Org", text: str, tree: Node, *, bulk: bool, include_deleted: bool) -> None:
        self.org, self.text, self.bulk, self.include_deleted = org, text, bulk, include_deleted
        self.clauses = {child.data: child for child in tree.children if isinstance(child, Node)}
        self.scope = Scope(org, text, self.clauses["source"], values=[])
        self.aliases: dict[str, str] = {}
        if bulk:
            check_bulk_query(self.scope.object, self.clauses)

    def compiled(self) -> Compiled:
        items = self.clauses["select_list"].children
        check_clauses(self.text, self.clauses)
        if len(items) == 1 and _is_bare_count(items[0]):
            return self._count()
        if self._grouped() or any(_is_aggregate(item) for item in items):
            return self._aggregated(items)
        return self._rows(items)

    # --- the three kinds of answer ------------------------------------------------------------------------------------

    def _count(self) -> Compiled:
        where = self._where(self.clauses["where"], self.scope)
        sql = f'select {self.scope.row}."Id" from {self.scope.from_sql}{where}{self._limit()}'
        return self._done(f"select count(*) from ({sql})", [], count_only=True)

    def _rows(self, items: list[Any]) -> Compiled:
        columns, cells, children = [], [], []
        for item in items:
            if item.data == "children":
                children.append(self._children(item.children[0]))
                continue
            for reached in self._selected(item):
                columns.append(
                    SelectedColumn(".".join(reached.path), reached.path, reached.spec.type, reached.spec.length)
                )
                cells.append(reached.sql)
        headers = [column.header.lower() for column in columns]
        repeated = next((header for header in headers if headers.count(header) > 1), None)
        if repeated:
            raise malformed(f"duplicate field selected: {columns[headers.index(repeated)].header}")
        links = [] if self.bulk else _links(self.scope, cells)
        where = self._where(self.clauses["where"], self.scope)
        order = self._order(self.clauses["order_by"], self.scope)
        named = ", ".join(f"{cell} as c{position}" for position, cell in enumerate(cells))
        sql = f"select {named} from {self.scope.from_sql}{where}{order}{self._limit()}"
        return self._done(sql, columns, children=children, links=links)

    def _aggregated(self, items: list[Any]) -> Compiled:
        group = [child for child in self.clauses["group_by"].children if child is not None]
        grouped = [self._operand(child) for child in group]
        columns: list[SelectedColumn] = []
        cells: list[str] = []
        unnamed = 0
        for item in items:
            inner, alias = (item, None) if item.data == "children" else (item.children[0], item.children[1].children[0])
            if item.data in ("children", "typeof"):
                raise malformed(f"{place(self.text, item)}only aggregate expressions use grouping")
            reached = self._operand(inner)
            if not _is_aggregate(item) and reached.sql not in [each.sql for each in grouped]:
                raise malformed(
                    f"{place(self.text, item)}Field must be grouped or aggregated: {'.'.join(reached.path)}"
                )
            name = str(alias) if alias else (f"expr{unnamed}" if inner.data == "call" else reached.path[-1])
            unnamed += alias is None and inner.data == "call"
            columns.append(SelectedColumn(name, (name,), reached.spec.type))
            cells.append(f"{reached.sql} as c{len(cells)}")
            self.aliases[name.lower()] = reached.sql
        where = self._where(self.clauses["where"], self.scope)
        by = f" group by {', '.join(each.sql for each in grouped)}" if grouped else ""
        having = self.clauses["having"].children[0]
        kept = f" having {self._conditions(self.scope).sql(having)}" if having is not None else ""
        order = self._order(self.clauses["order_by"], self.scope)
        sql = f"select {', '.join(cells)} from {self.scope.from_sql}{where}{by}{kept}{order}{self._limit()}"
        return self._done(sql, columns, aggregate=True)

    def _done(self, sql: str, columns: list[SelectedColumn], **more: Any) -> Compiled:
        return Compiled(sql, self.scope.values, self.scope.object.name, columns, **more)

    # --- select list --------------------------------------------------------------------------------------------------

    def _selected(self, item: Node) -> list[Reached]:
        if item.data == "typeof":
            raise malformed(f"{place(self.text, item)}TYPEOF is not served by this org")
        inner = item.children[0]
        if inner.data == "call":
            return self._fields_function(inner)
        reached = self.scope.reach(inner)
        if self.bulk:
            check_bulk_field(reached.spec)
        return [reached]

    def _fields_function(self, call: Node) -> list[Reached]:
        name = str(call.children[0]).upper()
        which = str(call.children[1].children[0]).upper() if call.children[1:] else ""
        if name != "FIELDS" or which not in ("ALL", "STANDARD", "CUSTOM"):
            raise malformed(f"{place(self.text, call)}unexpected function: {call.children[0]}")
        limit = self.clauses["limit"].children[0]
        if which != "STANDARD" and (limit is None or int(limit) > FIELDS_LIMIT):
            raise malformed(f"The SOQL FIELDS function must have a LIMIT of at most {FIELDS_LIMIT}")
        row = self.scope.row
        wanted = [
            each for each in self.scope.object.visible.values() if which == "ALL" or each.custom == (which == "CUSTOM")
        ]
        if which == "CUSTOM" and not wanted:
            raise malformed("The SOQL FIELDS(CUSTOM) function selects no field of this object")
        return [Reached(self.org.select_sql(each, row), each, (each.name,)) for each in wanted]

    def _children(self, subquery: Node) -> Children:
        clauses = {child.data: child for child in subquery.children if isinstance(child, Node)}
        name = str(clauses["source"].children[0])
        found = [(owner, link) for owner, link in self.org.schema.children_of(self.scope.object.name)
                 if (link.children or "").lower() == name.lower()]  # fmt: skip
        if not found:
            raise invalid_type(name, where=place(self.text, clauses["source"]))
        owner, link = found[0]
        scope = Scope(self.org, self.text, clauses["source"], values=[None], owner=owner)
        reached = [scope.reach(item.children[0]) for item in clauses["select_list"].children]
        columns = [SelectedColumn(".".join(each.path), each.path, each.spec.type) for each in reached]
        key = f'{scope.row}."{link.name}"'
        where = self._where(clauses["where"], scope, f"{key} in (select unnest($1::varchar[]))")
        order = self._order(clauses["order_by"], scope)
        limit = clauses["limit"].children[0]
        rank = f" qualify row_number() over (partition by {key}{order}) <= {int(limit)}" if limit else ""
        cells = [each.sql for each in reached]
        links = _links(scope, cells)
        named = ", ".join(f"{cell} as c{position}" for position, cell in enumerate([*cells, key]))
        sql = f"select {named} from {scope.from_sql}{where}{rank}{order}"
        return Children(str(link.children), owner.name, sql, scope.values, columns, links)

    # --- clauses ------------------------------------------------------------------------------------------------------

    def _where(self, clause: Node, scope: Scope, *more: str) -> str:
        parts = list(more)
        if clause.children[0] is not None:
            parts.append(self._conditions(scope).sql(clause.children[0]))
        if not self.include_deleted:
            parts += scope.living()
        return f" where {' and '.join(parts)}" if parts else ""

    def _conditions(self, scope: Scope) -> Conditions:
        reach = self._operand if scope is self.scope else scope.reach
        return Conditions(scope, reach=reach, select=lambda node: self._semi_join(node, scope))

    def _semi_join(self, node: Node, outer: Scope) -> str:
        clauses = {child.data: child for child in node.children if isinstance(child, Node)}
        inner = Scope(self.org, self.text, clauses["source"], values=outer.values, row="joined")
        items = clauses["select_list"].children
        if len(items) != 1 or items[0].data != "plain":
            raise malformed(f"{place(self.text, node)}a semi-join selects exactly one field")
        reached = inner.reach(items[0].children[0])
        if reached.spec.type not in ("id", "reference"):
            raise malformed(
                f"{place(self.text, node)}The inner select field '{reached.spec.name}' must be an id or a lookup"
            )
        where = self._where(clauses["where"], inner, f"{reached.sql} is not null")
        return f"select {reached.sql} from {inner.from_sql}{where}"

    def _operand(self, node: Node) -> Reached:
        """A path, an aggregate or a part of a date."""
        if node.data == "path":
            return self.scope.reach(node)
        name = str(node.children[0]).lower()
        if len(node.children) < 2 or node.children[1] is None:
            if name != "count":
                raise malformed(f"{place(self.text, node)}unexpected token: ')'")
            return Reached("count(*)", FieldSpec("count", "int", "count"), ("count",))
        inner = self._operand(node.children[1])
        if name in _DATE_PARTS:
            sql, kind = _DATE_PARTS[name]
            return Reached(sql.format(inner.sql), FieldSpec(name, kind, name), (name,))
        if name not in _AGGREGATES:
            raise malformed(f"{place(self.text, node)}unexpected function: {node.children[0]}")
        kind = {"count": "int", "count_distinct": "int", "avg": "double"}.get(name, inner.spec.type)
        return Reached(_AGGREGATES[name].format(inner.sql), FieldSpec(name, kind, name), (name,))

    def _order(self, clause: Node, scope: Scope) -> str:
        parts = []
        for item in clause.children:
            if item is None:
                continue
            operand, direction, nulls = item.children
            sql, kind = self._sort_key(operand, scope)
            descending = direction is not None and str(direction).lower() == "desc"
            last = str(nulls).lower() == "last" if nulls is not None else descending
            folded = (
                f"lower({sql})"
                if kind in ("string", "picklist", "email", "url", "phone", "combobox", "textarea")
                else sql
            )
            parts.append(f"{folded} {'desc' if descending else 'asc'} nulls {'last' if last else 'first'}")
        return f" order by {', '.join(parts)}" if parts else ""

    def _sort_key(self, operand: Node, scope: Scope) -> tuple[str, str]:
        if operand.data == "path" and len(operand.children) == 1:
            known = self.aliases.get(str(operand.children[0]).lower())
            if known:
                return known, ""
        reached = self._operand(operand) if scope is self.scope else scope.reach(operand)
        if reached.spec.long_text or reached.spec.type in COMPOUNDS | {"multipicklist", "base64", "anyType"}:
            sentence = f"{place(self.text, operand)}field '{reached.spec.name}' can not be sorted in a query call"
            raise SalesforceFault(400, "INVALID_FIELD", sentence)
        return reached.sql, reached.spec.type

    def _limit(self) -> str:
        limit, offset = self.clauses["limit"].children[0], self.clauses["offset"].children[0]
        sql = f" limit {int(limit)}" if limit is not None else ""
        return sql + (f" offset {int(offset)}" if offset is not None else "")

    def _grouped(self) -> bool:
        return self.clauses["group_by"].children[0] is not None


def _links(scope: Scope, cells: list[str]) -> list[Link]:
    """Append to `cells` the ids of the records that a row tells of."""
    records = [((), scope.object.name, f'{scope.row}."Id"'), *scope.parents]
    links = [Link(path, name, len(cells) + number) for number, (path, name, _) in enumerate(records)]
    cells += [sql for _, _, sql in records]
    return links


def _is_aggregate(item: Any) -> bool:
    return item.data == "called" and str(item.children[0].children[0]).upper() != "FIELDS"


def _is_bare_count(item: Any) -> bool:
    if not _is_aggregate(item) or item.children[1].children[0] is not None:
        return False
    call = item.children[0].children
    return str(call[0]).lower() == "count" and (len(call) < 2 or call[1] is None)
