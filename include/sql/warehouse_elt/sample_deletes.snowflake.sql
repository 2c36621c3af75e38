-- Keys of up to five living rows that would go: brought as deleted, told as deleted or, after a full read, not brought.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
{% set key = contract.key_column | identifier %}
select kept.{{ key }} as record_key
from {{ target | table }} as kept
{% if attempt %}
left join (
{{ versions.accepted_rows(attempt, rejects, contract) }}
) as incoming
    on incoming.{{ key }} = kept.{{ key }}
{% endif %}
{% if tombstones %}
left join {{ tombstones | table }} as buried
    on buried."RECORD_KEY" = kept.{{ key }}
{% endif %}
where not kept."_DELETED"
    and (
        {{ "true" if is_full and not attempt else "false" }}
{% if attempt %}
        or incoming."_DELETED"
{% if is_full %}
        or incoming.{{ key }} is null
{% endif %}
{% endif %}
{% if tombstones %}
        or buried."RECORD_KEY" is not null
{% endif %}
    )
group by kept.{{ key }}
order by kept.{{ key }}
limit 5
