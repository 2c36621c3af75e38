-- An empty table for one run's rows of a dataset, whatever an earlier try left there.
create or replace transient table {{ table | table }} (
{% for column in columns %}
    {{ column.name | identifier }} {{ column | type }}{{ "," if not loop.last }}
{% endfor %}
)
