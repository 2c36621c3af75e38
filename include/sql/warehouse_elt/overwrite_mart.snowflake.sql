-- The mart holds the rows of the audited attempt and no others, from one moment to the next; its grants stay.
insert overwrite into {{ target | table }} (
{% for column in mart.columns %}
    {{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
select
{% for column in mart.columns %}
    attempt.{{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
from {{ attempt | table }} as attempt
