with base as (
    select n, n // 3 as product_number, n % 3 as book_number from range(getvariable('count_Product2') * 3) as rows(n)
)
select
    sf_id('01u', n) as "Id",
    product."IsDeleted" as "IsDeleted",
    product."Name" as "Name",
    book."Id" as "Pricebook2Id",
    product."Id" as "Product2Id",
    cast((10 + below(product_number, 'price', 5000)) * (1 - 0.1 * book_number) as decimal(18, 2)) as "UnitPrice",
    product."IsActive" as "IsActive",
    product."ProductCode" as "ProductCode",
    product."CreatedDate" as "CreatedDate",
    product."CreatedById" as "CreatedById",
    product."LastModifiedDate" as "LastModifiedDate",
    product."LastModifiedById" as "LastModifiedById",
    product."SystemModstamp" as "SystemModstamp"
from base
join "Product2" as product on product.rowid = product_number
join "Pricebook2" as book on book.rowid = book_number
order by n
