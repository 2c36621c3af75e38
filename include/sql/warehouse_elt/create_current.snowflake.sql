-- The table that people query is there afterwards, with the contract's columns and ours; its rows are not touched.
create table if not exists {{ table | table }} (
{% for field in contract.fields %}
    {{ field.column | identifier }} {{ field | type }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }} {{ own | type }}{{ "," if not loop.last }}
{% endfor %}
)
