-- Every rejected row with each rule it broke: key, rule, column, reason, then the contract's columns in its order.
select
    rejects."RECORD_KEY",
    rejects."RULE",
    rejects."COLUMN_NAME",
    rejects."REASON",
{% for field in contract.fields %}
    attempt.{{ field.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
from {{ rejects | table }} as rejects
inner join {{ attempt | table }} as attempt
    on attempt.{{ contract.key_column | identifier }} = rejects."RECORD_KEY"
order by rejects."RECORD_KEY", rejects."RULE", rejects."COLUMN_NAME"
