"""The reading side of REST: versions, limits, describe, queries, one row, getUpdated and getDeleted."""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.salesforce import describe
from sandbox.salesforce.errors import JSON_TYPE, SalesforceFault, invalid_field, not_found
from sandbox.salesforce.gate import NEWEST_VERSION, OLDEST_VERSION
from sandbox.salesforce.ids import is_id, to_18
from sandbox.salesforce.queries import Queries, rows_of
from sandbox.salesforce.record_json import RecordWriter
from sandbox.salesforce.replication import deleted_since, updated_since
from sandbox.salesforce.schema import FieldSpec, ObjectSpec
from sandbox.salesforce.soql_plan import Link, SelectedColumn
from sandbox.salesforce.store import Org

BASE = "/services/data/v{version}"
_SEASONS = ("Spring", "Summer", "Winter")
_RESOURCES = ("sobjects", "query", "queryAll", "limits", "composite", "jobs", "recent", "search", "tooling")


def routes(org: Org) -> list[Route]:
    """Everything that reads. The gate has checked version and session before."""
    return [*_org_routes(org), *_query_routes(org), *_object_routes(org), *_row_routes(org)]


def _org_routes(org: Org) -> list[Route]:
    def versions(_request: Request) -> Response:
        return JSONResponse([_version(number) for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)])

    def resources(request: Request) -> Response:
        version = request.path_params["version"]
        paths = {name: f"/services/data/v{version}/{name}" for name in _RESOURCES}
        return JSONResponse(paths | {"identity": f"{request.base_url}id/{org.id}/{request.state.user_id}"})

    def limits(_request: Request) -> Response:
        return JSONResponse(org.limits.listed())

    return [
        Route("/services/data", versions, methods=["GET"]),
        Route(BASE, resources, methods=["GET"]),
        Route(f"{BASE}/limits", limits, methods=["GET"]),
    ]


def _query_routes(org: Org) -> list[Route]:
    queries = Queries(org)

    def query(request: Request) -> Response:
        text = queries.first_page(
            request.query_params.get("q", ""),
            version=request.path_params["version"],
            include_deleted=request.url.path.endswith("/queryAll"),
            batch_size=_batch_size(request),
        )
        return Response(text, media_type=JSON_TYPE)

    def more(request: Request) -> Response:
        text = queries.next_page(request.path_params["locator"], version=request.path_params["version"])
        return Response(text, media_type=JSON_TYPE)

    return [
        Route(f"{BASE}/query", query, methods=["GET"]),
        Route(f"{BASE}/queryAll", query, methods=["GET"]),
        Route(f"{BASE}/query/{{locator}}", more, methods=["GET"]),
        Route(f"{BASE}/queryAll/{{locator}}", more, methods=["GET"]),
    ]


def _object_routes(org: Org) -> list[Route]:
    def all_objects(request: Request) -> Response:
        return _unless_unchanged(org, request, describe.describe_global(org.schema, request.path_params["version"]))

    def about(request: Request) -> Response:
        spec, version = _object(org, request), request.path_params["version"]
        return JSONResponse({"objectDescribe": describe.describe_summary(spec, version), "recentItems": []})

    def description(request: Request) -> Response:
        spec, version = _object(org, request), request.path_params["version"]
        return _unless_unchanged(org, request, describe.describe_object(org.schema, spec, version))

    def updated(request: Request) -> Response:
        return JSONResponse(updated_since(org, _object(org, request), request.query_params))

    def deleted(request: Request) -> Response:
        return JSONResponse(deleted_since(org, _object(org, request), request.query_params))

    path = f"{BASE}/sobjects/{{object}}"
    return [
        Route(f"{BASE}/sobjects", all_objects, methods=["GET"]),
        Route(path, about, methods=["GET"]),
        Route(f"{path}/describe", description, methods=["GET"]),
        Route(f"{path}/updated", updated, methods=["GET"]),
        Route(f"{path}/deleted", deleted, methods=["GET"]),
    ]


def _row_routes(org: Org) -> list[Route]:
    def by_id(request: Request) -> Response:
        return _row(org, request, "Id", request.path_params["id"])

    def by_key(request: Request) -> Response:
        return _row(org, request, request.path_params["field"], request.path_params["value"])

    path = f"{BASE}/sobjects/{{object}}"
    return [
        Route(f"{path}/{{id}}", by_id, methods=["GET"]),
        Route(f"{path}/{{field}}/{{value:path}}", by_key, methods=["GET"]),
    ]


def _row(org: Org, request: Request, key: str, value: str) -> Response:
    spec, version = _object(org, request), request.path_params["version"]
    key_field = spec.find(key)
    if key_field is None or not (key_field.id_lookup or key_field.type == "id"):
        raise not_found(f"Provided external ID field does not exist or is not accessible: {key}")
    if key_field.type == "id":
        if not is_id(value):
            raise not_found("Provided external ID field does not exist or is not accessible")
        value = to_18(value)
    wanted = _wanted_fields(spec, request.query_params.get("fields"))
    condition = f'lower(kept."{key_field.name}") = lower($1)'
    found = read_rows(org, spec, wanted, condition, [value], version=version)
    living = [text for text, is_deleted in found if not is_deleted]
    if len(living) == 1:
        return Response(living[0], media_type=JSON_TYPE)
    if len(living) > 1:
        return JSONResponse(_urls(org, spec, key_field, value, version), status_code=300)
    if found:
        raise SalesforceFault(404, "ENTITY_IS_DELETED", "entity is deleted")
    raise not_found()


def read_rows(
    org: Org, spec: ObjectSpec, fields: list[FieldSpec], condition: str, params: list[object], *, version: str
) -> list[tuple[str, bool]]:
    """JSON of the rows (table alias `kept`) that meet the condition, each with whether it is deleted."""
    columns = [SelectedColumn(each.name, (each.name,), each.type) for each in fields]
    cells = [org.select_sql(each, "kept") for each in fields]
    deleted = 'kept."IsDeleted"' if "IsDeleted" in spec.fields else "false"
    cells += ['kept."Id"', deleted]
    named = ", ".join(f"{cell} as c{position}" for position, cell in enumerate(cells))
    with org.cursor() as cursor:
        sql = f'select {named} from "{spec.name}" as kept where {condition}'
        rows = rows_of(cursor.sql(sql, params=params).to_arrow_table())
    writer = RecordWriter(columns, [Link((), spec.name, len(columns))], version=version, object_name=spec.name)
    return [(writer.record(row), bool(row[-1])) for row in rows]


def _urls(org: Org, spec: ObjectSpec, key: FieldSpec, value: str, version: str) -> list[str]:
    with org.cursor() as cursor:
        sql = f'select "Id" from "{spec.name}" where lower("{key.name}") = lower(?) order by 1'
        ids = [row[0] for row in cursor.execute(sql, [value]).fetchall()]
    return [f"/services/data/v{version}/sobjects/{spec.name}/{each}" for each in ids]


def _wanted_fields(spec: ObjectSpec, asked: str | None) -> list[FieldSpec]:
    if asked is None:
        return list(spec.visible.values())
    found = []
    for name in asked.split(","):
        each = spec.find(name.strip())
        if each is None:
            raise invalid_field(spec.name, name.strip())
        found.append(each)
    return found


def _object(org: Org, request: Request) -> ObjectSpec:
    spec = org.schema.find(request.path_params["object"])
    if spec is None:
        raise not_found()
    return spec


def _batch_size(request: Request) -> int | None:
    for part in request.headers.get("sforce-query-options", "").split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "batchsize" and value.strip().isdigit():
            return int(value)
    return None


def _unless_unchanged(org: Org, request: Request, body: object) -> Response:
    """The description, or 304 when the client has it since the last change of the schema."""
    changed_at = org.schema_changed_at
    since = request.headers.get("if-modified-since")
    headers = {"Last-Modified": format_datetime(changed_at, usegmt=True)}
    try:
        known = parsedate_to_datetime(since).astimezone(UTC) if since else datetime.min.replace(tzinfo=UTC)
    except ValueError:
        known = datetime.min.replace(tzinfo=UTC)
    if known >= changed_at:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def _version(number: int) -> dict[str, str]:
    """Three releases a year; v62.0 is Winter '25."""
    year, season = divmod(number - 62 + 2, 3)
    label = f"{_SEASONS[season]} '{25 + year:02d}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
