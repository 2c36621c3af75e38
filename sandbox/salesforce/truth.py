"""What the org really holds, for proofs: counts and checksums per object, deleted records and all."""

from typing import Any

import duckdb

from sandbox.salesforce.schema import ObjectSpec
from sandbox.salesforce.store import Org


def truth(org: Org, names: list[str]) -> dict[str, dict[str, Any]]:
    """Per object (all of them when `names` is empty): see `CONTROL.md`. Raises SalesforceFault for an unknown one."""
    specs = [org.object(name) for name in names] if names else list(org.schema.objects.values())
    with org.cursor() as cursor:
        cursor.execute("begin transaction")
        answer = {spec.name: _of(org, cursor, spec) for spec in specs}
        cursor.execute("commit")
    return answer


def _of(org: Org, cursor: duckdb.DuckDBPyConnection, spec: ObjectSpec) -> dict[str, Any]:
    deleted = '"IsDeleted"' if "IsDeleted" in spec.fields else "false"
    stamp = f'"{spec.cursor}"' if spec.cursor else "null::timestamp"
    rows = cursor.execute(
        f"""
        select
            count(*) filter (not {deleted}),
            count(*) filter ({deleted}),
            strftime(max({stamp}), '%Y-%m-%dT%H:%M:%SZ'),
            md5(coalesce(string_agg("Id" || ',' || coalesce(strftime({stamp}, '%Y-%m-%dT%H:%M:%SZ'), ''), chr(10)
                order by "Id") filter (not {deleted}), ''))
        from {org.table(spec.name)}
        """
    ).fetchall()
    sql = "select count(distinct id) from sandbox.delete_log where object = ?"
    ((logged,),) = cursor.execute(sql, [spec.name]).fetchall()
    ((records, in_bin, newest, checksum),) = rows
    return {
        "records": records,
        "deleted": in_bin,
        "delete_log": logged,
        "newest": newest,
        "checksum": checksum,
    }


def records(org: Org, object_name: str) -> dict[str, list[dict[str, str | None]]]:
    """Every record of the object, deleted ones too, as texts from the store; computed fields as of now."""
    spec = org.object(object_name)
    readable = [field for field in spec.fields.values() if field.storage is not None or field.sql is not None]
    columns = ", ".join(f'({org.select_sql(field, "r")})::varchar as "{field.name}"' for field in readable)
    with org.cursor() as cursor:
        rows = cursor.execute(f'select {columns} from {org.table(spec.name)} as r order by "Id"').fetchall()
    return {"records": [dict(zip((field.name for field in readable), row, strict=True)) for row in rows]}
