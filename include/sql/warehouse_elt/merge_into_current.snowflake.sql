-- The target holds the newest version of every accepted row; the same attempt again, or an older one, changes nothing.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
merge into {{ target | table }} as kept
using (
{{ versions.accepted_rows(attempt, rejects, contract, newest_only=true) }}
) as incoming
    on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
when matched and ({{ versions.is_newer(contract) }} or {{ versions.is_earlier_read(contract) }}) then update set
{% for field in contract.fields %}
    {{ field.column | identifier }} = incoming.{{ field.column | identifier }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }} = incoming.{{ own.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
when not matched then insert (
{% for field in contract.fields %}
    {{ field.column | identifier }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
values (
{% for field in contract.fields %}
    incoming.{{ field.column | identifier }},
{% endfor %}
{% for own in own_columns %}
    incoming.{{ own.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
