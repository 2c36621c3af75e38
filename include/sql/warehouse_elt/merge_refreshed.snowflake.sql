-- Computed values of rows that are still the version they belong to are the source's; no other column is touched.
{% import "warehouse_elt/computed_values.snowflake.jinja" as computed %}
merge into {{ target | table }} as kept
using {{ attempt | table }} as incoming
    on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
when matched and {{ computed.same_version(contract) }} and {{ computed.differ(contract) }} then update set
{# The key is what it was: the local warehouse knows only columns that are set or inserted. #}
    {{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }},
{% for field in contract.fields if field.computed %}
    {{ field.column | identifier }} = incoming.{{ field.column | identifier }},
{% endfor %}
    "_SYNCED_AT" = %(read_at)s::timestamp_tz,
    "_RUN_ID" = %(run_id)s
