-- Contacts of a merged account belong to the winner; those of a deleted one went with it.
with base as (
    select n, created_at(n, getvariable('count')) as created, n % 151 = 150 as merged,
        n % 151 <> 149 and below(n, 'gone', 60) = 0 as gone, below(n, 'account', getvariable('count_Account')) as account,
        pick(n, 'first', getvariable('first_names')) as first_name, pick(n, 'last', getvariable('last_names')) as last_name
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'contact') as modified from base
)
select
    sf_id('003', n) as "Id",
    merged or gone or coalesce(account."IsDeleted" and account."MasterRecordId" is null, false) as "IsDeleted",
    if(merged, sf_id('003', n - 1), null) as "MasterRecordId",
    maybe(n, 'no account', 96, coalesce(account."MasterRecordId", account."Id")) as "AccountId",
    last_name as "LastName",
    maybe(n, 'first', 95, first_name) as "FirstName",
    maybe(n, 'salutation', 40, pick(n, 'salutation', ['Mr.', 'Ms.', 'Mrs.', 'Dr.', 'Prof.'])) as "Salutation",
    maybe(n, 'mailing', 70, pick(n, 'place', getvariable('streets'))) as "MailingStreet",
    maybe(n, 'mailing', 70, pick(n, 'place', getvariable('cities'))) as "MailingCity",
    maybe(n, 'mailing', 70, pick(n, 'place', getvariable('postal_codes'))) as "MailingPostalCode",
    maybe(n, 'mailing', 70, pick(n, 'place', getvariable('countries'))) as "MailingCountry",
    maybe(n, 'phone', 70, phone(n, 'contact')) as "Phone",
    maybe(n, 'mobile', 50, phone(n, 'mobile')) as "MobilePhone",
    if(n > 10 and chance(n, 'boss', 10), sf_id('003', (below(n, 'boss', n) // 151) * 151), null) as "ReportsToId",
    maybe(n, 'email', 92, coalesce(nullif(slug(first_name), ''), 'c') || '.' || coalesce(nullif(slug(last_name), ''), 'x') || n || '@example.com') as "Email",
    maybe(n, 'title', 80, pick(n, 'title', getvariable('titles'))) as "Title",
    odd(n, 'department', 3, maybe(n, 'department', 70, pick(n, 'department', getvariable('departments')))) as "Department",
    maybe(n, 'source', 70, pick(n, 'source', ['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Trade Show', 'Other'])) as "LeadSource",
    maybe(n, 'birth', 30, date '1950-01-01' + cast(below(n, 'birth', 18000) as integer)) as "Birthdate",
    maybe(n, 'description', 20, prose(n, 'contact')) as "Description",
    some_user(n, 'owner') as "OwnerId",
    chance(n, 'no email', 12) as "HasOptedOutOfEmail",
    chance(n, 'no call', 8) as "DoNotCall",
    maybe(n, 'bounced', 3, modified) as "EmailBouncedDate",
    maybe(n, 'bounced', 3, '550 5.1.1 <unknown>: Recipient address rejected') as "EmailBouncedReason",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Account" as account on account.rowid = dated.account
order by n
