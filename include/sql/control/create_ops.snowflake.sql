-- The published dataset has its table afterwards; rows of earlier runs are not touched.
create table if not exists {{ table | table }} (
{% for column in columns %}
    {{ column.name | identifier }} {{ column | type }}{{ "," if not loop.last }}
{% endfor %}
)
