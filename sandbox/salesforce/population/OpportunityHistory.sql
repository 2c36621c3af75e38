-- One row per save that touched stage, amount or close date; the last one shows how the opportunity stands now.
with base as (
    select opportunity.rowid as o, opportunity.*, below(opportunity.rowid, 'steps', 4) as steps,
        unnest(range(1 + below(opportunity.rowid, 'steps', 4))) as step
    from "Opportunity" as opportunity
), told as (
    select *, step = steps as last, row_number() over (order by o, step) - 1 as n,
        if(step = steps, "StageName", (getvariable('open_stages'))[least(step * 2, 7) + 1]) as stage,
        if(step = steps, "Probability", cast((getvariable('open_odds'))[least(step * 2, 7) + 1] as decimal(3, 0))) as odds,
        if(steps = 0, "CreatedDate", "CreatedDate" + to_seconds(cast(epoch("LastModifiedDate" - "CreatedDate") * step / steps as bigint))) as at_moment
    from base
)
select
    sf_id('008', n) as "Id",
    "IsDeleted",
    "Id" as "OpportunityId",
    stage as "StageName",
    "Amount",
    cast("Amount" * odds / 100 as decimal(18, 2)) as "ExpectedRevenue",
    "CloseDate",
    odds as "Probability",
    case when stage = 'Closed Won' then 'Closed' when stage = 'Closed Lost' then 'Omitted' when odds >= 75 then 'Forecast' when odds >= 60 then 'BestCase' else 'Pipeline' end as "ForecastCategory",
    if(step > 0 and o % 3 > 0, "Amount", null) as "PrevAmount",
    if(step > 0 and o % 3 > 0, "CloseDate", null) as "PrevCloseDate",
    at_moment as "CreatedDate",
    "LastModifiedById" as "CreatedById",
    if("IsDeleted", "SystemModstamp", at_moment) as "SystemModstamp"
from told
order by n
