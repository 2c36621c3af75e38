"""The Tooling API, as far as one asks it which fields an object has: `FieldDefinition`.

It answers from the org's own definitions, so fields that field-level security hides from the user are listed. The
filter by object is demanded, and only equality can be asked ("Tooling API – FieldDefinition, SOQL Limitations").
"""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce.errors import SalesforceFault, invalid_field, invalid_type
from sandbox.salesforce.schema import FieldSpec
from sandbox.salesforce.store import Org

_QUERY = re.compile(
    r"\s*select\s+(?P<fields>[\w\s,.]+?)\s+from\s+(?P<object>\w+)(?:\s+where\s+(?P<where>.+?))?\s*", re.I | re.S
)
_OF_OBJECT = re.compile(r"EntityDefinition(?:Id|\.QualifiedApiName)\s*=\s*'(?P<name>\w+)'", re.I)
_COLUMNS: dict[str, Callable[[FieldSpec], object]] = {
    "QualifiedApiName": lambda spec: spec.name,
    "DeveloperName": lambda spec: spec.name.removesuffix("__c"),
    "Label": lambda spec: spec.label,
    "Length": lambda spec: spec.length,
    "Precision": lambda spec: spec.precision,
    "Scale": lambda spec: spec.scale,
    "IsCalculated": lambda spec: spec.calculated,
    "IsNillable": lambda spec: spec.nillable,
}


def routes(org: Org) -> list[Route]:
    def query(request: Request) -> Response:
        names, owner = _read(request.query_params.get("q", ""), allowed=org.reading.field_definitions)
        url = f"/services/data/v{request.path_params['version']}/tooling/sobjects/FieldDefinition"
        found = org.schema.find(owner)
        records = [
            {
                "attributes": {"type": "FieldDefinition", "url": f"{url}/{owner}.{spec.name}"},
                **{name: _COLUMNS[name](spec) for name in names},
            }
            for spec in (found.fields.values() if found else ())
        ]
        return JSONResponse({"size": len(records), "totalSize": len(records), "done": True, "records": records})

    return [Route("/services/data/v{version}/tooling/query", query, methods=["GET"])]


def _read(text: str, *, allowed: bool) -> tuple[list[str], str]:
    """The columns asked for, properly spelt, and the object they are asked of."""
    asked = _QUERY.fullmatch(text)
    if asked is None:
        raise SalesforceFault(400, "MALFORMED_QUERY", f"unexpected token: '{text[:40]}'")
    if asked["object"].lower() != "fielddefinition" or not allowed:
        raise invalid_type(asked["object"])
    of_object = _OF_OBJECT.fullmatch((asked["where"] or "").strip())
    if of_object is None:
        sentence = (
            "FieldDefinition: a filter on a reified column is required [EntityDefinitionId,DurableId]"
            if not asked["where"]
            else "Only equals comparisons permitted"
        )
        raise SalesforceFault(
            400, "MALFORMED_QUERY" if not asked["where"] else "INVALID_QUERY_FILTER_OPERATOR", sentence
        )
    proper = {name.lower(): name for name in _COLUMNS}
    names = [name.strip() for name in asked["fields"].split(",")]
    for name in names:
        if name.lower() not in proper:
            raise invalid_field("FieldDefinition", name)
    return [proper[name.lower()] for name in names], of_object["name"]
