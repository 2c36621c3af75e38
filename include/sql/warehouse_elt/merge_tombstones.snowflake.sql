-- The rows of all tombstones are closed and say how that was learned; keys that the table does not hold are not added.
{% import "warehouse_elt/tombstones.snowflake.jinja" as tombs %}
merge into {{ target | table }} as kept
using (
{{ tombs.buried(tombstones, attempt, rejects, contract) }}
) as buried
    on kept.{{ contract.key_column | identifier }} = buried."RECORD_KEY"
when matched and {{ tombs.is_open() }} then update set
{% if contract.deleted_column %}
    {{ contract.deleted_column | identifier }} = true,
{% endif %}
{% if contract.cursor_moves %}
    "_SOURCE_MODIFIED_AT" = coalesce(buried."DELETED_AT", kept."_SOURCE_MODIFIED_AT"),
{% endif %}
    "_DELETED" = true,
    "_DELETED_AT" = buried."DELETED_AT",
    "_DELETED_HOW" = buried."DELETED_HOW",
    "_DELETED_LEARNED_AT" = %(read_at)s::timestamp_tz,
    "_SYNCED_AT" = %(read_at)s::timestamp_tz,
    "_RUN_ID" = %(run_id)s
