with base as (
    select placed.rowid as o, placed.*, unnest(range(1 + below(placed.rowid, 'order lines', 3))) as line from "Order" as placed
), numbered as (
    select *, row_number() over (order by o, line) - 1 as n, below(o * 8 + line, 'ordered', getvariable('count_Product2')) * 3 as entry_number from base
)
select
    sf_id('802', n) as "Id",
    numbered."IsDeleted" as "IsDeleted",
    printf('%010d', n + 1) as "OrderItemNumber",
    numbered."Id" as "OrderId",
    entry."Id" as "PricebookEntryId",
    entry."Product2Id" as "Product2Id",
    cast(1 + below(n, 'quantity', 100) as decimal(18, 2)) as "Quantity",
    entry."UnitPrice" as "UnitPrice",
    entry."UnitPrice" as "ListPrice",
    numbered."EffectiveDate" as "ServiceDate",
    numbered."CreatedDate" as "CreatedDate",
    numbered."CreatedById" as "CreatedById",
    numbered."LastModifiedDate" as "LastModifiedDate",
    numbered."LastModifiedById" as "LastModifiedById",
    numbered."SystemModstamp" as "SystemModstamp"
from numbered
join "PricebookEntry" as entry on entry.rowid = entry_number
order by n
