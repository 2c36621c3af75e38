-- An empty table for one attempt at a mart, with the meaning of each column as its comment, whatever an earlier try left.
create or replace transient table {{ table | table }} (
{% for column in mart.columns %}
    {{ column.column | identifier }} {{ column | type }} comment {{ mart.meanings[column.name] | prose }}{{ "," if not loop.last }}
{% endfor %}
)
comment = {{ mart.grain | prose }}
