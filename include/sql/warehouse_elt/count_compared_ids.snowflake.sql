-- Of two sets of ids: rows open here, ids at the source, rows open here alone, ids of which no open row is here.
{% import "warehouse_elt/compared_ids.snowflake.jinja" as ids_of %}
select
    count_if(compared.is_open) as open_rows,
    count_if(compared.is_at_source) as ids_at_source,
    count_if(compared.is_open and not compared.is_at_source and compared.is_judged) as gone,
    count_if(compared.is_at_source and not compared.is_open and compared.is_judged) as missing
from (
{{ ids_of.compared(target, ids, contract) }}
) as compared
