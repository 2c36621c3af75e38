-- How many living rows the target holds, and how many the accepted rows of the attempt bring.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
with held as (
    select count(*) as row_count
    from {{ target | table }} as kept
    where not kept."_DELETED"
),
brought as (
{% if attempt %}
    select count_if(not incoming."_DELETED") as row_count
    from (
{{ versions.accepted_rows(attempt, rejects, contract) }}
    ) as incoming
{% else %}
    select 0 as row_count
{% endif %}
)
select held.row_count as living_before, brought.row_count as living_incoming
from held
cross join brought
