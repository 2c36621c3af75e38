-- Row 0 is the integration user as which clients sign in.
with base as (
    select n, created_at(n, getvariable('count')) as created, pick(n, 'first', getvariable('first_names')) as first_name,
        pick(n, 'last', getvariable('last_names')) as last_name
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'user') as modified from base
)
select
    sf_id('005', n) as "Id",
    if(n = 0, 'integration', 'user' || n) || '@sandbox.example.com' as "Username",
    if(n = 0, 'User', last_name) as "LastName",
    if(n = 0, 'Integration', first_name) as "FirstName",
    'Sandbox Org' as "CompanyName",
    pick(n, 'department', getvariable('departments')) as "Department",
    pick(n, 'title', getvariable('titles')) as "Title",
    pick(n, 'place', getvariable('streets')) as "Street",
    pick(n, 'place', getvariable('cities')) as "City",
    pick(n, 'place', getvariable('countries')) as "Country",
    if(n = 0, 'integration', 'user' || n) || '@example.com' as "Email",
    phone(n, 'user') as "Phone",
    if(n = 0, 'integ', 'u' || n) as "Alias",
    if(n = 0, 'integration', 'user' || n) as "CommunityNickname",
    n = 0 or not chance(n, 'inactive', 10) as "IsActive",
    if(n = 0, 'UTC', pick(n, 'zone', ['America/Los_Angeles', 'America/New_York', 'Europe/London', 'Europe/Berlin', 'Asia/Tokyo'])) as "TimeZoneSidKey",
    sf_id('00E', below(n, 'role', 7)) as "UserRoleId",
    'en_US' as "LocaleSidKey",
    'UTF-8' as "EmailEncodingKey",
    sf_id('00e', if(n = 0, 0, 1)) as "ProfileId",
    'Standard' as "UserType",
    'en_US' as "LanguageLocaleKey",
    printf('%06d', n) as "EmployeeNumber",
    if(n = 0, null, sf_id('005', below(n, 'manager', n))) as "ManagerId",
    this_week(n, 'login') as "LastLoginDate",
    created as "CreatedDate",
    sf_id('005', 0) as "CreatedById",
    modified as "LastModifiedDate",
    sf_id('005', 0) as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
order by n
