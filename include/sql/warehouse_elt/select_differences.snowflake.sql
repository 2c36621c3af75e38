-- Records that are missing, are gone or differ in the given columns, at most so many.
-- Key, bucket, is missing, is gone, and per column whether it differs and both values.
{% import "warehouse_elt/audited_rows.snowflake.jinja" as audited %}
with {{ audited.settled(target, attempt, contract, keys, buckets) }},
{{ audited.compared(contract, fields, shown=true) }}
select
    compared.record_key,
    compared.bucket,
    compared.is_missing,
    compared.is_gone
{%- for field in fields %},
    compared.differs_{{ loop.index }},
    compared.ours_{{ loop.index }},
    compared.theirs_{{ loop.index }}
{%- endfor %}

from compared
where {{ "compared.is_missing" if missing else "false" }}
    or {{ "compared.is_gone" if gone else "false" }}
{% for field in fields %}
    or compared.differs_{{ loop.index }}
{% endfor %}
order by compared.record_key
limit %(most)s
