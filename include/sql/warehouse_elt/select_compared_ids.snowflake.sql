-- The keys on one side alone: open here and not at the source (is_gone true), or at the source and not open here.
{% import "warehouse_elt/compared_ids.snowflake.jinja" as ids_of %}
select compared.record_key as record_key, compared.is_open as is_gone
from (
{{ ids_of.compared(target, ids, contract) }}
) as compared
where compared.is_judged and compared.is_open <> compared.is_at_source
order by 1
