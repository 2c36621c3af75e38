-- How many accepted rows have their version in history: their values in force when they were read, or a later version since before then.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
{% import "warehouse_elt/history_versions.snowflake.jinja" as history_versions %}
{% set key = contract.key_column | identifier %}
with accepted as (
{{ versions.accepted_rows(attempt, rejects, contract) }}
),
found as (
    select distinct accepted.{{ key }}, accepted."_SOURCE_MODIFIED_AT"
    from accepted
    inner join {{ history | table }} as version
        on version.{{ key }} = accepted.{{ key }}
    where version."_VALID_FROM" <= greatest(accepted."_SOURCE_MODIFIED_AT", accepted."_SYNCED_AT")
        and (
            version."_SOURCE_MODIFIED_AT" > accepted."_SOURCE_MODIFIED_AT"
            or (
                version."_SOURCE_MODIFIED_AT" = accepted."_SOURCE_MODIFIED_AT"
                and version."_SYNCED_AT" > accepted."_SYNCED_AT"
            )
            or (
                (version."_VALID_TO" is null or version."_VALID_TO" > accepted."_SYNCED_AT")
                and not {{ history_versions.differ(contract, "version", "accepted") }}
            )
        )
)
select count(*) as recorded
from accepted
inner join found
    on found.{{ key }} = accepted.{{ key }}
    and found."_SOURCE_MODIFIED_AT" = accepted."_SOURCE_MODIFIED_AT"
