-- Records of the given buckets that differ, at most so many: key, bucket, is missing, is gone, and per column both values.
{% import "warehouse_elt/audited_rows.snowflake.jinja" as audited %}
with {{ audited.settled(target, attempt, contract, keys, true) }},
compared as (
    select
        coalesce(kept.{{ contract.key_column | identifier }}, incoming.{{ contract.key_column | identifier }}) as record_key,
        coalesce(kept.bucket, incoming.bucket) as bucket,
        kept.{{ contract.key_column | identifier }} is null as is_missing,
        incoming.{{ contract.key_column | identifier }} is null as is_gone,
{% for field in contract.fields if field.column != contract.key_column %}
        {{ audited.value("kept", field) }} is distinct from {{ audited.value("incoming", field) }} as differs_{{ loop.index }},
        left(cast({{ audited.value("kept", field) }} as varchar), 200) as ours_{{ loop.index }},
        left(cast({{ audited.value("incoming", field) }} as varchar), 200) as theirs_{{ loop.index }}{{ "," if not loop.last }}
{% endfor %}
    from in_warehouse as kept
    full outer join at_source as incoming
        on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
)
select
    compared.record_key,
    compared.bucket,
    compared.is_missing,
    compared.is_gone,
{% for field in contract.fields if field.column != contract.key_column %}
    compared.differs_{{ loop.index }},
    compared.ours_{{ loop.index }},
    compared.theirs_{{ loop.index }}{{ "," if not loop.last }}
{% endfor %}
from compared
where compared.is_missing or compared.is_gone
{% for field in contract.fields if field.column != contract.key_column %}
    or compared.differs_{{ loop.index }}
{% endfor %}
order by compared.record_key
limit %(most)s
