-- Buckets whose count or checksum differs between source and warehouse, at most so many, and how many there are at all.
{% import "warehouse_elt/audited_rows.snowflake.jinja" as audited %}
with {{ audited.settled(target, attempt, contract, keys, false) }}
{% for side in ("at_source", "in_warehouse") %},
{{ side }}_buckets as (
    select
        {{ side }}.bucket,
        count(*) as row_count,
        md5(
            listagg({{ audited.row_checksum(side, contract) }}, '')
                within group (order by {{ side }}.{{ contract.key_column | identifier }})
        ) as checksum
    from {{ side }}
    group by {{ side }}.bucket
)
{%- endfor %}

select
    coalesce(at_source_buckets.bucket, in_warehouse_buckets.bucket) as bucket,
    coalesce(in_warehouse_buckets.row_count, 0) as warehouse_rows,
    coalesce(at_source_buckets.row_count, 0) as source_rows,
    count(*) over () as bad_buckets
from at_source_buckets
full outer join in_warehouse_buckets
    on at_source_buckets.bucket = in_warehouse_buckets.bucket
where at_source_buckets.checksum is distinct from in_warehouse_buckets.checksum
order by bucket
limit %(most)s
