-- The history table is there afterwards, with the contract's columns, ours, and the range of each version; its rows are not touched.
create table if not exists {{ table | table }} (
{% for field in contract.fields %}
    {{ field.column | identifier }} {{ field | type }} comment {{ field | meaning }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }} {{ own | type }} comment {{ own | meaning }},
{% endfor %}
{% for own in history_columns %}
    {{ own.column | identifier }} {{ own | type }} comment {{ own | meaning }}{{ "," if not loop.last }}
{% endfor %}
)
