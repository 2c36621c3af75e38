-- One in eight was converted into an account, a contact and sometimes an opportunity that exist.
with base as (
    select n, created_at(n, getvariable('count')) as created, n % 131 = 130 as merged, chance(n, 'converted', 12) as converted,
        n % 131 <> 129 and below(n, 'gone', 50) = 0 as gone,
        pick(n, 'first', getvariable('first_names')) as first_name, pick(n, 'last', getvariable('last_names')) as last_name,
        below(n, 'became', getvariable('count_Contact')) as contact_number,
        below(n, 'sold', getvariable('count_Opportunity')) as opportunity_number
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'lead') as modified from base
)
select
    sf_id('00Q', n) as "Id",
    merged or gone as "IsDeleted",
    if(merged, sf_id('00Q', n - 1), null) as "MasterRecordId",
    last_name as "LastName",
    maybe(n, 'first', 90, first_name) as "FirstName",
    maybe(n, 'salutation', 30, pick(n, 'salutation', ['Mr.', 'Ms.', 'Dr.'])) as "Salutation",
    maybe(n, 'title', 70, pick(n, 'title', getvariable('titles'))) as "Title",
    odd(n, 'company', 2, pick(n, 'company', getvariable('companies')) || ' ' || pick(n, 'kind', getvariable('company_kinds'))) as "Company",
    maybe(n, 'place', 50, pick(n, 'place', getvariable('streets'))) as "Street",
    maybe(n, 'place', 50, pick(n, 'place', getvariable('cities'))) as "City",
    maybe(n, 'place', 50, pick(n, 'place', getvariable('postal_codes'))) as "PostalCode",
    maybe(n, 'country', 70, pick(n, 'place', getvariable('countries'))) as "Country",
    maybe(n, 'phone', 60, phone(n, 'lead')) as "Phone",
    maybe(n, 'email', 90, 'lead' || n || '@' || pick(n, 'domain', ['example.com', 'example.org', 'mail.example.net'])) as "Email",
    maybe(n, 'description', 20, prose(n, 'lead')) as "Description",
    pick(n, 'source', ['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Trade Show', 'Other']) as "LeadSource",
    if(converted, 'Closed - Converted', pick(n, 'status', ['Open - Not Contacted', 'Working - Contacted', 'Closed - Not Converted'])) as "Status",
    maybe(n, 'industry', 60, pick(n, 'industry', ['Banking', 'Education', 'Energy', 'Healthcare', 'Manufacturing', 'Retail', 'Technology', 'Other'])) as "Industry",
    maybe(n, 'rating', 60, pick(n, 'rating', ['Hot', 'Warm', 'Cold'])) as "Rating",
    maybe(n, 'revenue', 40, cast(exp(9 + 12 * unit(n, 'revenue')) as decimal(18, 0))) as "AnnualRevenue",
    maybe(n, 'people', 40, cast(1 + below(n, 'people', 5000) as integer)) as "NumberOfEmployees",
    some_user(n, 'owner') as "OwnerId",
    chance(n, 'no email', 10) as "HasOptedOutOfEmail",
    converted as "IsConverted",
    if(converted, cast(modified as date), null) as "ConvertedDate",
    if(converted, contact."AccountId", null) as "ConvertedAccountId",
    if(converted, contact."Id", null) as "ConvertedContactId",
    if(converted, maybe(n, 'sold', 60, opportunity."Id"), null) as "ConvertedOpportunityId",
    chance(n, 'unread', 30) and not converted as "IsUnreadByOwner",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Contact" as contact on contact.rowid = contact_number
left join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
order by n
