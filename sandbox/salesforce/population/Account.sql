-- Every 97th account lost a merge to the one before it; about one in sixty was deleted.
with base as (
    select n, created_at(n, getvariable('count')) as created, n % 97 = 96 as merged,
        n % 97 <> 95 and below(n, 'gone', 60) = 0 as gone,
        pick(n, 'company', getvariable('companies')) || ' ' || pick(n, 'kind', getvariable('company_kinds'))
        || if(chance(n, 'branch', 60), ' ' || n, '') as company
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'account') as modified from base
)
select
    sf_id('001', n) as "Id",
    merged or gone as "IsDeleted",
    if(merged, sf_id('001', n - 1), null) as "MasterRecordId",
    odd(n, 'account name', 0.5, company) as "Name",
    maybe(n, 'type', 90, pick(n, 'type', ['Prospect', 'Customer - Direct', 'Customer - Channel', 'Channel Partner / Reseller', 'Technology Partner', 'Other'])) as "Type",
    if(n > 20 and chance(n, 'parent', 8), sf_id('001', (below(n, 'parent', n) // 97) * 97), null) as "ParentId",
    maybe(n, 'billing', 85, pick(n, 'place', getvariable('streets')) || if(chance(n, 'floor', 20), chr(10) || 'Floor ' || below(n, 'floor', 30), '')) as "BillingStreet",
    maybe(n, 'billing', 85, pick(n, 'place', getvariable('cities'))) as "BillingCity",
    nullif(maybe(n, 'billing', 85, pick(n, 'place', getvariable('states'))), '') as "BillingState",
    maybe(n, 'billing', 85, pick(n, 'place', getvariable('postal_codes'))) as "BillingPostalCode",
    maybe(n, 'billing', 90, pick(n, 'place', getvariable('countries'))) as "BillingCountry",
    maybe(n, 'geo', 30, cast(-60 + 120 * unit(n, 'latitude') as decimal(18, 15))) as "BillingLatitude",
    maybe(n, 'geo', 30, cast(-180 + 360 * unit(n, 'longitude') as decimal(18, 15))) as "BillingLongitude",
    maybe(n, 'shipping', 40, pick(n, 'ship', getvariable('streets'))) as "ShippingStreet",
    maybe(n, 'shipping', 40, pick(n, 'ship', getvariable('cities'))) as "ShippingCity",
    maybe(n, 'shipping', 40, pick(n, 'ship', getvariable('postal_codes'))) as "ShippingPostalCode",
    maybe(n, 'shipping', 40, pick(n, 'ship', getvariable('countries'))) as "ShippingCountry",
    maybe(n, 'phone', 80, phone(n, 'account')) as "Phone",
    printf('%08d', below(n, 'number', 99999)) as "AccountNumber",
    maybe(n, 'website', 70, 'https://www.' || coalesce(nullif(slug(company), ''), 'example-' || n) || '.example.com') as "Website",
    maybe(n, 'sic', 30, printf('%04d', below(n, 'sic', 9999))) as "Sic",
    maybe(n, 'industry', 88, pick(n, 'industry', ['Agriculture', 'Banking', 'Biotechnology', 'Chemicals', 'Construction', 'Education', 'Energy', 'Healthcare', 'Insurance', 'Manufacturing', 'Retail', 'Technology', 'Telecommunications', 'Other'])) as "Industry",
    maybe(n, 'revenue', 75, cast(exp(9 + 14 * unit(n, 'revenue')) as decimal(18, 0))) as "AnnualRevenue",
    maybe(n, 'revenue', 75, cast(exp(1 + 10 * unit(n, 'people')) as integer)) as "NumberOfEmployees",
    maybe(n, 'ownership', 50, pick(n, 'ownership', ['Public', 'Private', 'Subsidiary', 'Other'])) as "Ownership",
    maybe(n, 'description', 35, prose(n, 'account')) as "Description",
    maybe(n, 'rating', 60, pick(n, 'rating', ['Hot', 'Warm', 'Cold'])) as "Rating",
    odd(n, 'site', 4, maybe(n, 'site', 20, 'HQ')) as "Site",
    some_user(n, 'owner') as "OwnerId",
    maybe(n, 'source', 70, pick(n, 'source', ['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Other'])) as "AccountSource",
    maybe(n, 'active', 60, cast(this_week(n, 'activity') as date)) as "LastActivityDate",
    maybe(n, 'erp', 40, printf('C-%07d', n)) as "ERP_Customer__c",
    maybe(n, 'tier', 70, pick(n, 'tier', ['Platinum', 'Gold', 'Silver', 'Bronze'])) as "Customer_Tier__c",
    maybe(n, 'regions', 50, pick(n, 'regions', getvariable('region_sets'))) as "Regions__c",
    maybe(n, 'health', 65, cast(100 * unit(n, 'health') as decimal(5, 2))) as "Health_Score__c",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
order by n
