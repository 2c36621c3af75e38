select
    sf_id('01s', n) as "Id",
    false as "IsDeleted",
    (['Standard Price Book', 'EMEA Price Book', 'Partner Price Book'])[n + 1] as "Name",
    true as "IsActive",
    n = 0 as "IsStandard",
    if(n = 1, 'Prices in "€", excl. VAT', null) as "Description",
    created_at(0, 100) as "CreatedDate",
    sf_id('005', 0) as "CreatedById",
    created_at(n + 1, 100) as "LastModifiedDate",
    sf_id('005', 0) as "LastModifiedById",
    created_at(n + 1, 100) as "SystemModstamp"
from range(least(getvariable('count'), 3)) as rows(n)
order by n
