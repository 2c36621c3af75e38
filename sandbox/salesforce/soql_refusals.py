"""What Salesforce refuses in a query that is otherwise well written, by REST and by Bulk API 2.0."""

from collections.abc import Mapping

from sandbox.salesforce.errors import SalesforceFault
from sandbox.salesforce.schema import COMPOUNDS, FieldSpec, ObjectSpec
from sandbox.salesforce.soql_syntax import Node, malformed, place

LARGEST_OFFSET = 2000


def check_clauses(text: str, clauses: Mapping[str, Node]) -> None:
    """LIMIT, OFFSET and ALL ROWS, as REST and Bulk refuse them alike."""
    for name in ("limit", "offset"):
        number = clauses[name].children[0]
        if number is not None and int(number) < 0:
            raise malformed(f"{place(text, clauses[name])}unexpected token: '{number}'")
    offset = clauses["offset"].children[0]
    if offset is not None and int(offset) > LARGEST_OFFSET:
        sentence = f"Maximum SOQL offset allowed is {LARGEST_OFFSET}"
        raise SalesforceFault(400, "NUMBER_OUTSIDE_VALID_RANGE", sentence)
    if clauses["all_rows"].children[0] is not None:
        raise malformed(f"{place(text, clauses['all_rows'])}ALL ROWS not allowed in this context")


def check_bulk_query(owner: ObjectSpec, clauses: Mapping[str, Node]) -> None:
    """What only REST serves ("Bulk API 2.0 – Understanding Bulk API 2.0 Query")."""
    if not owner.bulk:
        raise SalesforceFault(400, "INVALIDENTITY", f"Entity '{owner.name}' is not supported by the Bulk API.")
    items = clauses["select_list"].children
    calls = [str(item.children[0].children[0]).upper() for item in items if item.data == "called"]
    refusals = {
        "GROUP BY": clauses["group_by"].children[0] is not None,
        "OFFSET": clauses["offset"].children[0] is not None,
        "TYPEOF": any(item.data == "typeof" for item in items),
        "Aggregate Relationships": any(item.data == "children" for item in items),
        "FIELDS function": "FIELDS" in calls,
        "Aggregate functions": bool(calls),
    }
    for what, found in refusals.items():
        if found:
            raise SalesforceFault(400, "FEATURENOTENABLED", f"{what} not supported in Bulk Query")


def check_bulk_field(spec: FieldSpec) -> None:
    """Compound and binary fields cannot be written as a CSV cell."""
    if spec.type in COMPOUNDS:
        text = "Selecting compound data not supported in Bulk Query"
        raise SalesforceFault(400, "FUNCTIONALITY_NOT_ENABLED", text)
    if spec.type == "base64":
        raise SalesforceFault(400, "FEATURENOTENABLED", "Binary fields not supported in Bulk Query")
