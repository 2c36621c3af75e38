-- How many accepted rows the target holds in the version that was staged, or a newer one. The proof after the MERGE.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
select count(*) as published
from (
{{ versions.accepted_rows(attempt, rejects, contract) }}
) as incoming
inner join {{ target | table }} as kept
    on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
{% if contract.cursor_column %}
where kept."_SOURCE_MODIFIED_AT" > incoming."_SOURCE_MODIFIED_AT"
    or (
        kept."_SOURCE_MODIFIED_AT" = incoming."_SOURCE_MODIFIED_AT"
        and (kept."_SYNCED_AT" > incoming."_SYNCED_AT" or not {{ versions.differ(contract) }})
    )
{% else %}
where kept."_SYNCED_AT" > incoming."_SYNCED_AT" or not {{ versions.differ(contract) }}
{% endif %}
