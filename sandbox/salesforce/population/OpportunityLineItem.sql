-- Only of opportunities with a price book; their Amount becomes the sum of these rows.
with base as (
    select opportunity.rowid as o, opportunity.*, unnest(range(1 + below(opportunity.rowid, 'lines', 4))) as line
    from "Opportunity" as opportunity
    where opportunity."Pricebook2Id" is not null
), numbered as (
    select *, row_number() over (order by o, line) - 1 as n, below(o * 8 + line, 'product', getvariable('count_Product2')) as product_number,
        cast(1 + below(o * 8 + line, 'quantity', 50) as decimal(12, 2)) as quantity
    from base
)
select
    sf_id('00k', n) as "Id",
    numbered."IsDeleted" as "IsDeleted",
    numbered."Id" as "OpportunityId",
    cast(line + 1 as integer) as "SortOrder",
    entry."Id" as "PricebookEntryId",
    entry."Product2Id" as "Product2Id",
    entry."ProductCode" as "ProductCode",
    left(numbered."Name" || ' ' || entry."Name", 376) as "Name",
    quantity as "Quantity",
    cast(quantity * entry."UnitPrice" * (1 - if(chance(n, 'discount', 30), 0.1, 0)) as decimal(18, 2)) as "TotalPrice",
    entry."UnitPrice" as "UnitPrice",
    entry."UnitPrice" as "ListPrice",
    if(chance(n, 'discount', 30), cast(10 as decimal(5, 2)), null) as "Discount",
    maybe(n, 'service', 40, numbered."CloseDate" + 30) as "ServiceDate",
    odd(n, 'line text', 2, maybe(n, 'line text', 20, pick(n, 'line text', getvariable('sentences')))) as "Description",
    numbered."CreatedDate" as "CreatedDate",
    numbered."CreatedById" as "CreatedById",
    numbered."LastModifiedDate" as "LastModifiedDate",
    numbered."LastModifiedById" as "LastModifiedById",
    numbered."SystemModstamp" as "SystemModstamp"
from numbered
join "PricebookEntry" as entry on entry.rowid = product_number * 3 + cast(numbered."Pricebook2Id" = sf_id('01s', 1) as integer) + 2 * cast(numbered."Pricebook2Id" = sf_id('01s', 2) as integer)
order by n
