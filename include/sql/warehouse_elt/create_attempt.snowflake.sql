-- An empty table with the contract's columns for one attempt, whatever an earlier try left there.
create or replace transient table {{ table | table }} (
{% for field in contract.fields %}
    {{ field.column | identifier }} {{ field | type }}{{ "," if not loop.last }}
{% endfor %}
)
