-- How many rows of the staged tombstones are still open. Before the MERGE: how many it will close; after it: none.
{% import "warehouse_elt/tombstones.snowflake.jinja" as tombs %}
select count(*) as open_rows
from {{ tombstones | table }} as buried
inner join {{ target | table }} as kept
    on kept.{{ contract.key_column | identifier }} = buried."RECORD_KEY"
where {{ tombs.is_open() }}
