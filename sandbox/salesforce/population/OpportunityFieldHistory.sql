-- `created` for each opportunity, and the last move of stage, date or owner for some. A change of owner makes two rows.
with kinds as (
    select unnest(['created', 'StageName', 'CloseDate', 'OwnerName', 'Owner']) as kind, unnest(range(5)) as place
), base as (
    select opportunity.*, opportunity.rowid as o, kind, place
    from "Opportunity" as opportunity
    cross join kinds
    where kind = 'created' or (kind = 'StageName' and chance(o, 'stage told', 40)) or (kind = 'CloseDate' and chance(o, 'date told', 20))
        or (kind in ('OwnerName', 'Owner') and chance(o, 'owner told', 10))
), numbered as (
    select *, row_number() over (order by o, place) - 1 as n, some_user(o, 'earlier owner') as earlier_owner from base
)
select
    sf_id('017', n) as "Id",
    numbered."IsDeleted" as "IsDeleted",
    numbered."Id" as "OpportunityId",
    if(kind = 'OwnerName', 'Owner', kind) as "Field",
    case kind when 'StageName' then 'DynamicEnum' when 'CloseDate' then 'DateOnly' when 'Owner' then 'EntityId' else 'Text' end as "DataType",
    case kind
        when 'StageName' then pick(o, 'earlier stage', getvariable('open_stages'))
        when 'CloseDate' then cast(numbered."CloseDate" - cast(1 + below(o, 'earlier date', 60) as integer) as varchar)
        when 'Owner' then earlier_owner
        when 'OwnerName' then concat_ws(' ', earlier."FirstName", earlier."LastName")
    end as "OldValue",
    case kind
        when 'StageName' then numbered."StageName"
        when 'CloseDate' then cast(numbered."CloseDate" as varchar)
        when 'Owner' then numbered."OwnerId"
        when 'OwnerName' then concat_ws(' ', owner."FirstName", owner."LastName")
    end as "NewValue",
    if(kind = 'created', numbered."CreatedById", numbered."LastModifiedById") as "CreatedById",
    if(kind = 'created', numbered."CreatedDate", numbered."LastModifiedDate") as "CreatedDate"
from numbered
left join "User" as earlier on earlier."Id" = earlier_owner
left join "User" as owner on owner."Id" = numbered."OwnerId"
order by n
