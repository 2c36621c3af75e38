-- The first key of each of so many slices of the table, about equal in rows, in order.
with sliced as (
    select
        kept.{{ contract.key_column | identifier }} as record_key,
        ntile(%(slices)s) over (order by kept.{{ contract.key_column | identifier }}) as slice
    from {{ target | table }} as kept
)
select min(sliced.record_key) as first_key
from sliced
group by sliced.slice
order by first_key
