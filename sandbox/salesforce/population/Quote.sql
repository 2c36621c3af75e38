with base as (
    select n, below(n, 'opportunity', getvariable('count_Opportunity')) as opportunity_number from range(getvariable('count')) as rows(n)
), dated as (
    select n, opportunity.*, least(opportunity."CreatedDate" + interval 3 day, getvariable('now') - interval 600 second) as created,
        modified_at(least(opportunity."CreatedDate" + interval 3 day, getvariable('now') - interval 600 second), n, 'quote') as modified
    from base
    join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
)
select
    sf_id('0Q0', n) as "Id",
    dated."IsDeleted" as "IsDeleted",
    printf('%08d', n + 1) as "QuoteNumber",
    left(dated."Name" || ' Q' || n, 255) as "Name",
    dated."Id" as "OpportunityId",
    dated."AccountId" as "AccountId",
    dated."Pricebook2Id" as "Pricebook2Id",
    dated."OwnerId" as "OwnerId",
    pick(n, 'status', ['Draft', 'Needs Review', 'In Review', 'Approved', 'Rejected', 'Presented', 'Accepted', 'Denied']) as "Status",
    cast(created as date) + 60 as "ExpirationDate",
    maybe(n, 'description', 30, prose(n, 'quote')) as "Description",
    dated."Amount" as "Subtotal",
    dated."Amount" as "TotalPrice",
    maybe(n, 'tax', 70, cast(dated."Amount" * 0.19 as decimal(18, 2))) as "Tax",
    maybe(n, 'shipping', 40, cast(below(n, 'shipping', 50000) / 100 as decimal(18, 2))) as "ShippingHandling",
    maybe(n, 'city', 60, pick(n, 'city', getvariable('streets'))) as "BillingStreet",
    maybe(n, 'city', 60, pick(n, 'city', getvariable('cities'))) as "BillingCity",
    maybe(n, 'city', 60, pick(n, 'city', getvariable('countries'))) as "BillingCountry",
    maybe(n, 'email', 50, 'quotes+' || n || '@example.com') as "Email",
    created as "CreatedDate",
    dated."OwnerId" as "CreatedById",
    modified as "LastModifiedDate",
    dated."OwnerId" as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
order by n
