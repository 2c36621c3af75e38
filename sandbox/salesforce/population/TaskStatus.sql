select
    sf_id('01b', n) as "Id",
    (['Not Started', 'In Progress', 'Completed', 'Waiting on someone else', 'Deferred'])[n + 1] as "MasterLabel",
    (['Not Started', 'In Progress', 'Completed', 'Waiting on someone else', 'Deferred'])[n + 1] as "ApiName",
    cast(n + 1 as integer) as "SortOrder",
    n = 0 as "IsDefault",
    n = 2 as "IsClosed",
    created_at(0, 100) as "CreatedDate",
    sf_id('005', 0) as "CreatedById",
    created_at(0, 100) as "LastModifiedDate",
    sf_id('005', 0) as "LastModifiedById",
    created_at(0, 100) as "SystemModstamp"
from range(5) as rows(n)
order by n
