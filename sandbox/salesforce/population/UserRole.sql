select
    sf_id('00E', n) as "Id",
    (['CEO', 'VP Sales', 'Sales EMEA', 'Sales AMER', 'Sales APAC', 'Marketing', 'Operations'])[n + 1] as "Name",
    if(n = 0, null, if(n in (2, 3, 4), sf_id('00E', 1), sf_id('00E', 0))) as "ParentRoleId",
    replace((['CEO', 'VP Sales', 'Sales EMEA', 'Sales AMER', 'Sales APAC', 'Marketing', 'Operations'])[n + 1], ' ', '') as "DeveloperName",
    created_at(0, 100) as "LastModifiedDate",
    sf_id('005', 0) as "LastModifiedById",
    created_at(0, 100) as "SystemModstamp"
from range(least(getvariable('count'), 7)) as rows(n)
order by n
