-- One row per record that lost a merge, with the last of its winners; a record that came back is taken out again.
merge into {{ merge_map | table }} as known
using (
    with recursive losers as (
        select
            held.{{ contract.key_column | identifier }} as loser,
            held.{{ contract.merged_into_column | identifier }} as winner,
            held."_DELETED_AT" as happened_at,
            held."_DELETED_LEARNED_AT" as heard_at
        from {{ target | table }} as held
        where held."_DELETED" and held.{{ contract.merged_into_column | identifier }} is not null
    ),
    chains as (
        select losers.loser as loser, losers.winner as reached, 1 as steps
        from losers
        union all
        select chains.loser, losers.winner, chains.steps + 1
        from chains
        inner join losers on losers.loser = chains.reached
        where chains.steps < 1000 and losers.winner <> chains.loser
    ),
    ends as (
        select chains.loser as loser, chains.reached as reached
        from chains
        qualify row_number() over (partition by chains.loser order by chains.steps desc) = 1
    )
    select losers.loser as loser, losers.winner as winner, ends.reached as reached,
        losers.happened_at as happened_at, losers.heard_at as heard_at, false as is_back
    from losers
    inner join ends on ends.loser = losers.loser
    union all
    select present."LOSER_ID", null, null, null, null, true
    from {{ merge_map | table }} as present
    where present."OBJECT_NAME" = %(object_name)s
        and not exists (select 1 from losers where losers.loser = present."LOSER_ID")
) as merged
    on known."OBJECT_NAME" = %(object_name)s and known."LOSER_ID" = merged.loser
when matched and merged.is_back then delete
when matched and (known."WINNER_ID" <> merged.winner or known."SURVIVOR_ID" <> merged.reached) then update set
    "WINNER_ID" = merged.winner,
    "SURVIVOR_ID" = merged.reached,
    "MERGED_AT" = merged.happened_at,
    "LEARNED_AT" = merged.heard_at
when not matched and not merged.is_back then insert (
    "OBJECT_NAME", "LOSER_ID", "WINNER_ID", "SURVIVOR_ID", "MERGED_AT", "LEARNED_AT"
)
values (%(object_name)s, merged.loser, merged.winner, merged.reached, merged.happened_at, merged.heard_at)
