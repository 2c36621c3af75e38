-- How many records are missing, how many are gone, and per column how many differ, and how many of those with one stamp.
{% import "warehouse_elt/audited_rows.snowflake.jinja" as audited %}
with {{ audited.settled(target, attempt, contract, keys, buckets) }},
{{ audited.compared(contract, fields) }}
select
    count_if(compared.is_missing) as missing,
    count_if(compared.is_gone) as gone
{%- for field in fields %},
    count_if(compared.differs_{{ loop.index }}) as differ_{{ loop.index }},
    count_if(compared.differs_{{ loop.index }} and not compared.has_moved) as silent_{{ loop.index }}
{%- endfor %}

from compared
