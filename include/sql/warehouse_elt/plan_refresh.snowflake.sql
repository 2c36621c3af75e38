-- What a refresh would do with each row read: changed (by this run already, too), unchanged, another version, unknown.
{% import "warehouse_elt/computed_values.snowflake.jinja" as computed %}
with compared as (
    select
        kept.{{ contract.key_column | identifier }} is null as is_unknown,
        coalesce({{ computed.same_version(contract) }}, false) as is_same_version,
        coalesce({{ computed.differ(contract) }} or kept."_RUN_ID" = %(run_id)s, false) as is_changed
    from {{ attempt | table }} as incoming
    left join {{ target | table }} as kept
        on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
)
select
    count_if(not compared.is_unknown and compared.is_same_version and compared.is_changed) as changed,
    count_if(not compared.is_unknown and compared.is_same_version and not compared.is_changed) as unchanged,
    count_if(not compared.is_unknown and not compared.is_same_version) as other_version,
    count_if(compared.is_unknown) as unknown_rows
from compared
