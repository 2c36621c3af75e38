-- Per column, in the contract's order without key and computed ones: accepted rows with another value at the same stamp.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
select
{% for field in contract.fields if field.column != contract.key_column and not field.computed %}
    count_if(kept.{{ field.column | identifier }} is distinct from incoming.{{ field.column | identifier }})
        as changed_{{ loop.index }}{{ "," if not loop.last }}
{% endfor %}
from (
{{ versions.accepted_rows(attempt, rejects, contract, newest_only=true) }}
) as incoming
inner join {{ target | table }} as kept
    on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
where incoming."_SOURCE_MODIFIED_AT" = kept."_SOURCE_MODIFIED_AT"
    and incoming."_SYNCED_AT" > kept."_SYNCED_AT"
    and not coalesce(kept."_DELETED", false)
    and not incoming."_DELETED"
