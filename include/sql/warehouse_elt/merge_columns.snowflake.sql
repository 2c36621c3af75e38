-- The attempt's columns hold its values in the rows that are there already. No row is added, no other column and no stamp moves.
{% set columns = contract.columns | reject("equalto", contract.key_column) | list %}
merge into {{ target | table }} as kept
using (
    select
        attempt.{{ contract.key_column | identifier }}{% for column in columns %},
        attempt.{{ column | identifier }}{% endfor %}

    from {{ attempt | table }} as attempt
    qualify row_number() over (
        partition by attempt.{{ contract.key_column | identifier }}
        order by attempt.{{ contract.key_column | identifier }}
    ) = 1
) as incoming
    on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
when matched and kept."_SYNCED_AT" <= %(read_at)s::timestamp_tz and (
{% for column in columns %}
    {{ "or " if not loop.first }}kept.{{ column | identifier }} is distinct from incoming.{{ column | identifier }}
{% endfor %}
) then update set
{% for column in columns %}
    {{ column | identifier }} = incoming.{{ column | identifier }},
{% endfor %}
    "_SYNCED_AT" = %(read_at)s::timestamp_tz,
    "_RUN_ID" = %(run_id)s
