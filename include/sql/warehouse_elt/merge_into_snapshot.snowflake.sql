-- The day has one row per opportunity that was open at its end, as it was then, and no other; a repeat changes nothing.
{% macro taken(column) %}
{% if column.column == "snapshot_date" %}
%(day)s::date
{%- elif column.column == "age_days" and "created_date" in present %}
datediff('day', convert_timezone('UTC', version."CREATED_DATE")::date, %(day)s::date)
{%- elif column.taken_from in present %}
version.{{ column.taken_from | identifier }}
{%- else %}
null::{{ column | type }}
{%- endif %}
{% endmacro %}
merge into {{ snapshot | table }} as kept
using (
    with due as (
        select
{% for column in columns %}
            {{ taken(column) }} as {{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
        from {{ history | table }} as version
        where version."_VALID_FROM" < %(day_end)s::timestamp_tz
            and (version."_VALID_TO" is null or version."_VALID_TO" >= %(day_end)s::timestamp_tz)
            and not coalesce(version."_DELETED", false)
            and not coalesce(version."IS_CLOSED", false)
    ),
    held as (
        select
{% for column in columns %}
            snapshot.{{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
        from {{ snapshot | table }} as snapshot
        where snapshot."SNAPSHOT_DATE" = %(day)s::date
    )
    select
        coalesce(due."OPPORTUNITY_ID", held."OPPORTUNITY_ID") as "OPPORTUNITY_ID",
        %(day)s::date as "SNAPSHOT_DATE",
{% for column in columns if column.column not in ("opportunity_id", "snapshot_date") %}
        due.{{ column.column | identifier }},
{% endfor %}
        due."OPPORTUNITY_ID" is not null as is_due
    from due
    full outer join held on held."OPPORTUNITY_ID" = due."OPPORTUNITY_ID"
    where due."OPPORTUNITY_ID" is null
        or held."OPPORTUNITY_ID" is null
{% for column in columns if column.column not in ("opportunity_id", "snapshot_date") %}
        or due.{{ column.column | identifier }} is distinct from held.{{ column.column | identifier }}
{% endfor %}
) as planned
    on kept."SNAPSHOT_DATE" = planned."SNAPSHOT_DATE" and kept."OPPORTUNITY_ID" = planned."OPPORTUNITY_ID"
when matched and not planned.is_due then delete
when matched then update set
{% for column in columns if column.column not in ("opportunity_id", "snapshot_date") %}
    {{ column.column | identifier }} = planned.{{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
when not matched then insert (
{% for column in columns %}
    {{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
values (
{% for column in columns %}
    planned.{{ column.column | identifier }}{{ "," if not loop.last }}
{% endfor %}
)
