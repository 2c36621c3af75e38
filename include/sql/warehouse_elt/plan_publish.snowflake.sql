-- What the MERGE would do with the accepted rows: created, updated, deleted, unchanged; these add up to the rows. Silent: of the updated, those whose stamp is not newer.
{% import "warehouse_elt/row_versions.snowflake.jinja" as versions %}
with incoming as (
{{ versions.accepted_rows(attempt, rejects, contract, newest_only=true) }}
),
compared as (
    select
        kept.{{ contract.key_column | identifier }} is null as is_new,
        coalesce({{ versions.is_newer(contract) }}, false) as is_newer,
        incoming."_DELETED" and not coalesce(kept."_DELETED", false) as closes,
        coalesce({{ versions.same_stamp(contract) }}, false) as is_same_stamp
    from incoming
    left join {{ target | table }} as kept
        on kept.{{ contract.key_column | identifier }} = incoming.{{ contract.key_column | identifier }}
),
counted as (
    select
        count_if(compared.is_new) as created,
        count_if(not compared.is_new and compared.is_newer and not compared.closes) as updated,
        count_if(not compared.is_new and compared.is_newer and compared.closes) as deleted,
        count_if(
            not compared.is_new and compared.is_newer and not compared.closes and compared.is_same_stamp
        ) as silent
    from compared
),
counted_accepted as (
    select count(*) as row_count
    from (
{{ versions.accepted_rows(attempt, rejects, contract) }}
    ) as accepted
)
select
    counted.created as created,
    counted.updated as updated,
    counted.deleted as deleted,
    counted_accepted.row_count - counted.created - counted.updated - counted.deleted as unchanged,
    counted.silent as silent
from counted
cross join counted_accepted
