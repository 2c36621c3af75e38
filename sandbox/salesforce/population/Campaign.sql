with dated as (
    select n, created_at(n, getvariable('count')) as created, modified_at(created_at(n, getvariable('count')), n, 'campaign') as modified
    from range(getvariable('count')) as rows(n)
)
select
    sf_id('701', n) as "Id",
    below(n, 'gone', 60) = 59 as "IsDeleted",
    pick(n, 'kind', ['Webinar', 'Trade Show', 'Newsletter', 'Launch “X”', 'Retargeting, EU', 'Fête']) || ' ' || year(created) || '-' || n as "Name",
    if(n > 5 and chance(n, 'parent', 20), sf_id('701', below(n, 'parent', 5)), null) as "ParentId",
    pick(n, 'type', ['Conference', 'Webinar', 'Trade Show', 'Partners', 'Email', 'Other']) as "Type",
    pick(n, 'status', ['Planned', 'In Progress', 'Completed', 'Aborted']) as "Status",
    cast(created as date) as "StartDate",
    cast(created as date) + cast(7 + below(n, 'length', 90) as integer) as "EndDate",
    maybe(n, 'money', 70, cast(1000 * below(n, 'revenue', 500) as decimal(18, 0))) as "ExpectedRevenue",
    maybe(n, 'money', 70, cast(100 * below(n, 'budget', 500) as decimal(18, 0))) as "BudgetedCost",
    maybe(n, 'response', 50, cast(40 * unit(n, 'response') as decimal(8, 2))) as "ExpectedResponse",
    cast(below(n, 'sent', 20000) as decimal(18, 0)) as "NumberSent",
    chance(n, 'active', 70) as "IsActive",
    maybe(n, 'description', 50, prose(n, 'campaign')) as "Description",
    cast(below(n, 'leads', 300) as integer) as "NumberOfLeads",
    cast(below(n, 'contacts', 300) as integer) as "NumberOfContacts",
    cast(below(n, 'responses', 100) as integer) as "NumberOfResponses",
    some_user(n, 'owner') as "OwnerId",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
order by n
