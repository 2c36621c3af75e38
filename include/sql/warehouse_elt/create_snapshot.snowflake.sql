-- The snapshot table is there afterwards; its rows are not touched.
create table if not exists {{ table | table }} (
{% for column in columns %}
    {{ column.column | identifier }} {{ column | type }}{{ "," if not loop.last }}
{% endfor %}
)
