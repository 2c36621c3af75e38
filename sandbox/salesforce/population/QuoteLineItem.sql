with base as (
    select quote.rowid as q, quote.*, unnest(range(1 + below(quote.rowid, 'quote lines', 3))) as line from "Quote" as quote
), numbered as (
    select *, row_number() over (order by q, line) - 1 as n, below(q * 8 + line, 'quoted', getvariable('count_Product2')) * 3 as entry_number from base
)
select
    sf_id('0QL', n) as "Id",
    numbered."IsDeleted" as "IsDeleted",
    printf('%08d', n + 1) as "LineNumber",
    numbered."Id" as "QuoteId",
    entry."Id" as "PricebookEntryId",
    entry."Product2Id" as "Product2Id",
    cast(1 + below(n, 'quantity', 100) as decimal(12, 2)) as "Quantity",
    entry."UnitPrice" as "UnitPrice",
    maybe(n, 'discount', 30, cast(25 * unit(n, 'discount') as decimal(5, 2))) as "Discount",
    entry."UnitPrice" as "ListPrice",
    maybe(n, 'service', 30, numbered."ExpirationDate" + 10) as "ServiceDate",
    odd(n, 'quoted text', 2, maybe(n, 'quoted text', 20, pick(n, 'quoted text', getvariable('sentences')))) as "Description",
    cast(line + 1 as integer) as "SortOrder",
    numbered."CreatedDate" as "CreatedDate",
    numbered."CreatedById" as "CreatedById",
    numbered."LastModifiedDate" as "LastModifiedDate",
    numbered."LastModifiedById" as "LastModifiedById",
    numbered."SystemModstamp" as "SystemModstamp"
from numbered
join "PricebookEntry" as entry on entry.rowid = entry_number
order by n
