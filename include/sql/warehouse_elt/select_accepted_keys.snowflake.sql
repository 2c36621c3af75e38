-- Those of the given keys that this attempt brought and no rule rejected.
select attempt.{{ contract.key_column | identifier }} as record_key
from {{ attempt | table }} as attempt
where attempt.{{ contract.key_column | identifier }} in (%(keys)s)
{% if rejects %}
    and not exists (
        select 1
        from {{ rejects | table }} as rejects
        where rejects."RECORD_KEY" = attempt.{{ contract.key_column | identifier }}
    )
{% endif %}
