with won as (
    select opportunity.*, row_number() over (order by opportunity.rowid) - 1 as n
    from "Opportunity" as opportunity
    where opportunity."StageName" = 'Closed Won' and opportunity."AccountId" is not null
    qualify n < getvariable('count')
)
select
    sf_id('801', n) as "Id",
    won."IsDeleted" as "IsDeleted",
    won."OwnerId" as "OwnerId",
    won."AccountId" as "AccountId",
    won."Pricebook2Id" as "Pricebook2Id",
    won."Id" as "OpportunityId",
    won."CloseDate" as "EffectiveDate",
    pick(n, 'status', ['Draft', 'Activated']) as "Status",
    pick(n, 'type', ['New', 'Renewal', 'Upgrade']) as "Type",
    'Order for ' || left(won."Name", 60) as "Name",
    won."Amount" as "TotalAmount",
    printf('%08d', n + 100) as "OrderNumber",
    won."ERP_Order__c" as "ERP_Order__c",
    won."LastModifiedDate" as "CreatedDate",
    won."OwnerId" as "CreatedById",
    won."LastModifiedDate" as "LastModifiedDate",
    won."OwnerId" as "LastModifiedById",
    won."SystemModstamp" as "SystemModstamp"
from won
order by n
