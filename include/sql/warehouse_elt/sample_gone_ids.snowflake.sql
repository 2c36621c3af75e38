-- Keys of up to five rows that are open here and not at the source.
{% import "warehouse_elt/compared_ids.snowflake.jinja" as ids_of %}
select compared.record_key as record_key
from (
{{ ids_of.compared(target, ids, contract) }}
) as compared
where compared.is_judged and compared.is_open and not compared.is_at_source
order by 1
limit 5
