-- Buckets whose count or checksum differs between source and warehouse; none where every settled row is the same.
{% import "warehouse_elt/audited_rows.snowflake.jinja" as audited %}
with {{ audited.settled(target, attempt, contract, keys, buckets) }},
source_rows as (
    select
        at_source.bucket,
        at_source.{{ contract.key_column | identifier }} as record_key,
        {{ audited.row_checksum("at_source", contract) }} as checksum
    from at_source
),
warehouse_rows as (
    select
        in_warehouse.bucket,
        in_warehouse.{{ contract.key_column | identifier }} as record_key,
        {{ audited.row_checksum("in_warehouse", contract) }} as checksum
    from in_warehouse
),
source_buckets as (
    select
        source_rows.bucket,
        count(*) as row_count,
        md5(listagg(source_rows.checksum, '') within group (order by source_rows.record_key)) as checksum
    from source_rows
    group by source_rows.bucket
),
warehouse_buckets as (
    select
        warehouse_rows.bucket,
        count(*) as row_count,
        md5(listagg(warehouse_rows.checksum, '') within group (order by warehouse_rows.record_key)) as checksum
    from warehouse_rows
    group by warehouse_rows.bucket
)
select
    coalesce(source_buckets.bucket, warehouse_buckets.bucket) as bucket,
    coalesce(warehouse_buckets.row_count, 0) as warehouse_rows,
    coalesce(source_buckets.row_count, 0) as source_rows
from source_buckets
full outer join warehouse_buckets
    on source_buckets.bucket = warehouse_buckets.bucket
where source_buckets.checksum is distinct from warehouse_buckets.checksum
order by bucket
