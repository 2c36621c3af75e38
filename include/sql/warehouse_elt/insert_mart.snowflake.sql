-- The attempt holds the whole mart, computed at one moment by its own statement; columns are matched by name.
insert into {{ table | table }} (
{% for column in mart.columns %}
    {{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
select
{% for column in mart.columns if column.name != "built_at" %}
    computed.{{ column.column | identifier }},
{% endfor %}
    %(built_at)s::timestamp_tz
from (
{% include "warehouse_elt/marts/" ~ mart.name.lower() ~ ".snowflake.sql" %}
) as computed
