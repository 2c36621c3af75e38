-- The state of each input of a mart in two numbers, in the order given: its rows, and when one of them last changed.
{% for item in inputs %}
select
    {{ loop.index }} as place,
    count(*) as row_count,
    max({% if item.stamp %}input.{{ item.stamp | identifier }}{% else %}null{% endif %}::timestamp_tz) as changed_at
from {{ item.table | table }} as input
{{ "union all" if not loop.last }}
{% endfor %}
order by place
