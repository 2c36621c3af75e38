-- Rows that a complete read did not bring are marked as deleted; a second time, nothing is left to mark.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
merge into {{ target | table }} as kept
using (
{{ versions.missing_keys(target, attempt, contract, set_aside) }}
) as missing
    on kept.{{ contract.key_column | identifier }} = missing.{{ contract.key_column | identifier }}
when matched then update set
    "_DELETED" = true,
    "_SYNCED_AT" = %(read_at)s::timestamp_tz,
    "_RUN_ID" = %(run_id)s,
    "_DELETED_AT" = null,
    "_DELETED_HOW" = 'id comparison',
    "_DELETED_LEARNED_AT" = %(read_at)s::timestamp_tz
