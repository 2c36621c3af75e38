with base as (
    select n, created_at(n, getvariable('count')) as created, below(n, 'opportunity', getvariable('count_Opportunity')) as opportunity_number,
        below(n, 'account', (getvariable('count_Account') + 96) // 97) * 97 as account_number
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'subscription') as modified from base
)
select
    sf_id('a01', n) as "Id",
    below(n, 'gone', 70) = 0 or account."IsDeleted" as "IsDeleted",
    printf('SUB-%06d', n + 1) as "Name",
    some_user(n, 'owner') as "OwnerId",
    account."Id" as "Account__c",
    maybe(n, 'sold', 60, opportunity."Id") as "Opportunity__c",
    'EXT-' || printf('%07d', n) || if(n % 50 = 0, '/ä b', '') as "External_Id__c",
    pick(n, 'status', ['Active', 'Active', 'Active', 'Trial', 'Past Due', 'Cancelled']) as "Status__c",
    pick(n, 'plan', ['Starter', 'Team', 'Business', 'Enterprise']) as "Plan__c",
    cast(created as date) as "Start_Date__c",
    cast(created as date) + 365 * cast(1 + below(n, 'term', 3) as integer) as "Renewal_Date__c",
    cast(50 * (1 + below(n, 'fee', 400)) as decimal(16, 2)) as "Monthly_Fee__c",
    cast(1 + below(n, 'seats', 900) as decimal(8, 0)) as "Seats__c",
    chance(n, 'renews', 70) as "Auto_Renew__c",
    odd(n, 'notes', 3, maybe(n, 'notes', 30, prose(n, 'subscription'))) as "Notes__c",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
join "Account" as account on account.rowid = account_number
left join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
order by n
