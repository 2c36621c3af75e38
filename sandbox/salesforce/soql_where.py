"""Conditions of a query → SQL. A comparison with an empty field is false and its negation true: no third value."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.ids import is_id, to_18
from sandbox.salesforce.schema import IDS, NUMBERS, TEXTS, FieldSpec
from sandbox.salesforce.soql_dates import span
from sandbox.salesforce.soql_scope import Reached, Scope
from sandbox.salesforce.soql_syntax import Node, malformed, place, unquoted

_NUMERIC = NUMBERS | {"int", "long"}
_TYPE_WORD = {"datetime": "dateTime", "reference": "ID", "id": "ID", "double": "double", "currency": "double",
              "percent": "double", "int": "int", "long": "long"}  # fmt: skip
_SQL_OPERATOR = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_NULL = object()

Select = Callable[[Node], str]
"""Turns the SELECT of a semi-join into SQL."""


class Conditions:
    """The conditions of one scope. `reach` finds an operand, `select` compiles a semi-join."""

    def __init__(self, scope: Scope, *, reach: Callable[[Node], Reached], select: Select) -> None:
        self.scope = scope
        self.reach = reach
        self.select = select

    def sql(self, node: Node) -> str:
        """The SQL of a condition. Raises SalesforceFault."""
        match node.data:
            case "condition" | "conjunction":
                word = " or " if node.data == "condition" else " and "
                return f"({word.join(self.sql(each) for each in node.children)})"
            case "negated":
                return f"not coalesce({self.sql(node.children[0])}, false)"
        return f"({self._primitive(node)})"

    def _primitive(self, node: Node) -> str:
        field = self.reach(node.children[0])
        where = place(self.scope.text, node)
        _check_filterable(field.spec, where)
        match node.data:
            case "compare":
                return self._compare(field, str(node.children[1]), node.children[2], where)
            case "like":
                return self._like(field, node.children[1], where)
            case "one_of":
                values = [self._value(field.spec, each, where) for each in node.children[2:]]
                return _maybe_not(node, self._among(field, values))
            case "semi":
                return _maybe_not(node, f"coalesce({field.sql} in ({self.select(node.children[2])}), false)")
        return self._includes(field, node, where)

    def _compare(self, field: Reached, operator: str, value: Node, where: str) -> str:
        sql_operator = _SQL_OPERATOR[operator]
        if value.data == "relative":
            return self._relative(field, sql_operator, str(value.children[0]), where)
        wanted = self._value(field.spec, value, where)
        if wanted is _NULL:
            if sql_operator not in ("=", "!="):
                raise _bad_operator(field.spec, operator, where)
            return f"{field.sql} is {'' if sql_operator == '=' else 'not '}null"
        if field.spec.type == "boolean":
            if sql_operator not in ("=", "!="):
                raise _bad_operator(field.spec, operator, where)
            return f"coalesce({field.sql}, false) {sql_operator} {self.scope.bind(wanted)}"
        left, right = _folded(field), self.scope.bind(wanted)
        return f"{left} is distinct from {right}" if sql_operator == "!=" else f"{left} {sql_operator} {right}"

    def _relative(self, field: Reached, operator: str, literal: str, where: str) -> str:
        if field.spec.type not in ("date", "datetime"):
            raise _bad_value(field.spec, where)
        try:
            first, end = span(literal, self.scope.org.now().date())
        except ValueError as error:
            raise malformed(f"{where}{error}") from error
        edges = {"<": ("<", first), ">=": (">=", first), "<=": ("<", end), ">": (">=", end)}
        if operator in edges:
            sign, day = edges[operator]
            return f"{field.sql} {sign} {self.scope.bind(day)}::date"
        inside = f"{field.sql} >= {self.scope.bind(first)}::date and {field.sql} < {self.scope.bind(end)}::date"
        return inside if operator == "=" else f"not coalesce({inside}, false)"

    def _like(self, field: Reached, value: Node, where: str) -> str:
        if field.spec.type not in TEXTS or field.spec.type == "multipicklist":
            raise _bad_operator(field.spec, "LIKE", where)
        if value.data != "text":
            raise _bad_value(field.spec, where)
        pattern = unquoted(str(value.children[0]), like=True).lower()
        return f"lower({field.sql}) like {self.scope.bind(pattern)} escape '\\'"

    def _among(self, field: Reached, values: list[Any]) -> str:
        known = [value for value in values if value is not _NULL]
        kind = field.spec.storage or "varchar"
        among = f"{_folded(field)} in (select unnest({self.scope.bind(known)}::{kind}[]))"
        if field.spec.type == "boolean":
            among = f"coalesce({field.sql}, false) in (select unnest({self.scope.bind(known)}::boolean[]))"
        empty = f" or {field.sql} is null" if len(known) < len(values) else ""
        return f"(coalesce({among}, false){empty})"

    def _includes(self, field: Reached, node: Node, where: str) -> str:
        if field.spec.type != "multipicklist":
            raise _bad_operator(field.spec, str(node.children[1]).upper(), where)
        chosen = f"string_split(lower({field.sql}), ';')"
        tests = []
        for each in node.children[2:]:
            value = self._value(field.spec, each, where)
            wanted = [] if value is _NULL else [part.strip() for part in str(value).split(";")]
            tests.append(f"list_has_all({chosen}, {self.scope.bind(wanted)}::varchar[])")
        found = f"coalesce(({' or '.join(tests)}), false)"
        return found if str(node.children[1]).lower() == "includes" else f"not {found}"

    def _value(self, spec: FieldSpec, node: Node, where: str) -> Any:
        """A literal as the field's type; text comes in lower case. Raises INVALID_FIELD when the type differs."""
        token = str(node.children[0])
        if node.data == "word" and token.lower() == "null":
            return _NULL
        if spec.type in IDS and node.data == "text":
            return _record_id(token, where)
        if spec.type in TEXTS and node.data == "text":
            return unquoted(token).lower() or _NULL
        if spec.type == "boolean" and node.data == "word" and token.lower() in ("true", "false"):
            return token.lower() == "true"
        if spec.type in _NUMERIC and node.data == "number":
            return Decimal(token)
        if spec.type == node.data and node.data in ("date", "datetime", "time"):
            return _moment(spec.type, token, where)
        raise _bad_value(spec, where)


def _folded(field: Reached) -> str:
    return f"lower({field.sql})" if field.spec.type in TEXTS else field.sql


def _maybe_not(node: Node, sql: str) -> str:
    return sql if node.children[1] is None else f"not {sql}"


def _record_id(token: str, where: str) -> Any:
    text = unquoted(token)
    if not text:
        return _NULL
    if not is_id(text):
        raise SalesforceFault(400, "INVALID_QUERY_FILTER_OPERATOR", f"{where}invalid ID field: {text}")
    return to_18(text)


def _moment(kind: str, token: str, where: str) -> date | datetime | time:
    try:
        if kind == "date":
            return date.fromisoformat(token)
        if kind == "time":
            return time.fromisoformat(token.rstrip("Zz"))
        return datetime.fromisoformat(token.upper()).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise malformed(f"{where}{token} is not a valid {kind}") from error


def _check_filterable(spec: FieldSpec, where: str) -> None:
    if spec.long_text or spec.type in ("address", "location", "base64", "anyType"):
        sentence = f"{where}field '{spec.name}' can not be filtered in a query call"
        raise SalesforceFault(400, "INVALID_FIELD", sentence)


def _bad_operator(spec: FieldSpec, operator: str, where: str) -> SalesforceFault:
    kind = "id" if spec.type in IDS else spec.type
    sentence = f"{where}invalid operator on {kind} field: {operator}"
    return SalesforceFault(400, "INVALID_QUERY_FILTER_OPERATOR", sentence)


def _bad_value(spec: FieldSpec, where: str) -> SalesforceFault:
    quotes = "should be enclosed in quotes" if spec.type in TEXTS | IDS else "should not be enclosed in quotes"
    word = "string" if spec.type in TEXTS else _TYPE_WORD.get(spec.type, spec.type)
    sentence = f"{where}value of filter criterion for field '{spec.name}' must be of type {word} and {quotes}"
    return SalesforceFault(400, "INVALID_FIELD", sentence)
