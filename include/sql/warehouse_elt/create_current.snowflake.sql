-- The table that people query is there afterwards, with the contract's columns and ours; its rows are not touched.
create table if not exists {{ table | table }} (
{% for field in contract.fields %}
    {{ field.column | identifier }} {{ field | type }} comment {{ field | meaning }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }} {{ own | type }} comment {{ own | meaning }}{{ "," if not loop.last }}
{% endfor %}
)
