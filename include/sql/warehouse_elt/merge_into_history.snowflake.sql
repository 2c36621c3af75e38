-- History holds every version of the observed records once, in ranges that meet without gap or overlap; observing the same rows again changes nothing.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
{% import "warehouse_elt/history_versions.snowflake.jinja" as history_versions %}
{% set key = contract.key_column | identifier %}
{% set one_read %}
partition by gathered.{{ key }}, gathered."_SOURCE_MODIFIED_AT", gathered."_SYNCED_AT", gathered."_DELETED"
{%- endset %}
merge into {{ history | table }} as version
using (
    with observed as (
        -- The current rows of this run outrank its attempt: a tombstone or a refresh may have changed them since.
        select
{{ history_versions.columns(contract, others, "present") }},
            1 as priority
        from {{ target | table }} as present
{% if not all_rows %}
        where present."_RUN_ID" = %(run_id)s
{% endif %}
{% if attempt %}
        union all
        select
{% for field in contract.fields %}
            accepted.{{ field.column | identifier }},
{% endfor %}
{% for column in others %}
            present.{{ column | identifier }},
{% endfor %}
{% for own in own_columns %}
            accepted.{{ own.column | identifier }},
{% endfor %}
            3 as priority
        from (
{{ versions.accepted_rows(attempt, rejects, contract) }}
        ) as accepted
{% if others %}
        left join {{ target | table }} as present
            on present.{{ key }} = accepted.{{ key }}
{% endif %}
{% endif %}
    ),
    fresh as (
        -- Less the rows that history ends with already: nearly all of an overlap, and of a full reload.
        select observed.*
        from observed
        left join (
            select stored.*, 2 as priority
            from {{ history | table }} as stored
            where stored."_IS_CURRENT"
        ) as newest
            on newest.{{ key }} = observed.{{ key }}
        where newest.{{ key }} is null
            or newest."_SYNCED_AT" > observed."_SYNCED_AT"
            or {{ history_versions.differ(contract, "newest", "observed") }}
            or {{ history_versions.others_differ(others, "newest", "observed") }}
    ),
    touched as (
        select distinct fresh.{{ key }} from fresh
    ),
    gathered as (
        select
{{ history_versions.columns(contract, others, "fresh") }},
            fresh.priority,
            null::timestamp_tz as stored_from,
            null::timestamp_tz as stored_to
        from fresh
        union all
        select
{{ history_versions.columns(contract, others, "stored") }},
            2 as priority,
            stored."_VALID_FROM" as stored_from,
            stored."_VALID_TO" as stored_to
        from {{ history | table }} as stored
        inner join touched on touched.{{ key }} = stored.{{ key }}
    ),
    marked as (
        select
            gathered.*,
            max(gathered.stored_from) over ({{ one_read }}) as known_from,
            max(gathered.stored_to) over ({{ one_read }}) as known_to,
            row_number() over ({{ one_read }} order by gathered.priority) as choice
        from gathered
    ),
    numbered as (
        select
            marked.*,
            row_number() over (
                partition by marked.{{ key }}
                order by marked."_SOURCE_MODIFIED_AT", marked."_SYNCED_AT", marked."_DELETED"
            ) as place
        from marked
        where marked.choice = 1
    ),
    compared as (
        -- The values of the observation before it: the same version, seen again.
        select
            numbered.*,
            earlier.{{ key }} is not null
                and not {{ history_versions.differ(contract, "earlier", "numbered") }}
                and not {{ history_versions.others_differ(others, "earlier", "numbered") }} as is_repeat
        from numbered
        left join numbered as earlier
            on earlier.{{ key }} = numbered.{{ key }} and earlier.place = numbered.place - 1
    ),
    started as (
        select
            compared.*,
            case
                -- A tombstone: the stamp did not move when the record went.
                when compared."_DELETED"
                    and (compared."_DELETED_AT" is null or compared."_DELETED_AT" > compared."_SOURCE_MODIFIED_AT")
                    then greatest(
                        compared."_SOURCE_MODIFIED_AT", coalesce(compared."_DELETED_AT", compared."_SYNCED_AT")
                    )
                -- Another value at the same stamp, as formula fields do: true since it was read, as far as known.
                when lag(compared."_SOURCE_MODIFIED_AT") over (
                    partition by compared.{{ key }}, compared.is_repeat order by compared.place
                ) = compared."_SOURCE_MODIFIED_AT"
                    then greatest(compared."_SOURCE_MODIFIED_AT", compared."_SYNCED_AT")
                else compared."_SOURCE_MODIFIED_AT"
            end as starts_at
        from compared
    ),
    ranged as (
        select
            started.*,
            min(started.starts_at) over (
                partition by started.{{ key }}, started.is_repeat order by started.place
                rows between 1 following and unbounded following
            ) as ends_at
        from started
    ),
    decided as (
        -- What would begin only when a later version has begun was never to be seen.
        select
            ranged.*,
            not ranged.is_repeat and (ranged.ends_at is null or ranged.starts_at < ranged.ends_at) as is_kept,
            ranged.known_from is not null as is_stored,
            ranged.known_from is not null and ranged.priority <> 2 as is_corrected
        from ranged
    )
    select
{{ history_versions.columns(contract, others, "decided") }},
        decided.starts_at as "_VALID_FROM",
        decided.ends_at as "_VALID_TO",
        decided.ends_at is null as "_IS_CURRENT",
        decided.is_kept,
        decided.is_corrected
    from decided
    where decided.is_stored <> decided.is_kept
        or (decided.is_kept and decided.is_corrected)
        or (
            decided.is_kept
            and (
                decided.starts_at is distinct from decided.known_from
                or decided.ends_at is distinct from decided.known_to
            )
        )
) as planned
    on version.{{ key }} = planned.{{ key }}
    and version."_SOURCE_MODIFIED_AT" = planned."_SOURCE_MODIFIED_AT"
    and version."_SYNCED_AT" = planned."_SYNCED_AT"
    and version."_DELETED" is not distinct from planned."_DELETED"
when matched and not planned.is_kept then delete
when matched and planned.is_corrected then update set
{% for field in contract.fields %}
    {{ field.column | identifier }} = planned.{{ field.column | identifier }},
{% endfor %}
{% for column in others %}
    {{ column | identifier }} = planned.{{ column | identifier }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }} = planned.{{ own.column | identifier }},
{% endfor %}
    "_VALID_FROM" = planned."_VALID_FROM",
    "_VALID_TO" = planned."_VALID_TO",
    "_IS_CURRENT" = planned."_IS_CURRENT"
when matched then update set
    "_VALID_FROM" = planned."_VALID_FROM",
    "_VALID_TO" = planned."_VALID_TO",
    "_IS_CURRENT" = planned."_IS_CURRENT"
when not matched then insert (
{% for field in contract.fields %}
    {{ field.column | identifier }},
{% endfor %}
{% for column in others %}
    {{ column | identifier }},
{% endfor %}
{% for own in own_columns %}
    {{ own.column | identifier }},
{% endfor %}
    "_VALID_FROM", "_VALID_TO", "_IS_CURRENT"
)
values (
{% for field in contract.fields %}
    planned.{{ field.column | identifier }},
{% endfor %}
{% for column in others %}
    planned.{{ column | identifier }},
{% endfor %}
{% for own in own_columns %}
    planned.{{ own.column | identifier }},
{% endfor %}
    planned."_VALID_FROM", planned."_VALID_TO", planned."_IS_CURRENT"
)
