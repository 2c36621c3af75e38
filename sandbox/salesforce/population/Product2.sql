with dated as (
    select n, created_at(n, getvariable('count') * 3) as created, modified_at(created_at(n, getvariable('count') * 3), n, 'product') as modified
    from range(getvariable('count')) as rows(n)
)
select
    sf_id('01t', n) as "Id",
    n % 29 = 28 as "IsDeleted",
    (getvariable('products'))[n % 10 + 1] || ' ' || (getvariable('editions'))[n // 10 % 6 + 1] || if(n >= 60, ' ' || n, '') as "Name",
    printf('%05d', n * 7) as "ProductCode",
    maybe(n, 'description', 70, prose(n, 'product')) as "Description",
    not chance(n, 'inactive', 15) as "IsActive",
    pick(n, 'family', ['Software', 'Hardware', 'Services', 'Support', 'Training']) as "Family",
    pick(n, 'unit', ['Each', 'Seat', 'Hour', 'Year']) as "QuantityUnitOfMeasure",
    printf('SKU-%06d', n) as "StockKeepingUnit",
    maybe(n, 'erp', 80, printf('I-%05d', n)) as "ERP_Item__c",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
order by n
