-- Old ones are mostly closed; those of a deleted account went with it, those of a merged one belong to the winner.
with base as (
    select n, created_at(n, getvariable('count')) as created, below(n, 'gone', 60) = 0 as gone,
        below(n, 'account', getvariable('count_Account')) as account, below(n, 'stage', 8) as stage,
        chance(n, 'closed', if(n < 0.8 * getvariable('count'), 85, 15)) as closed, chance(n, 'won', 45) as won,
        pick(n, 'amount shape', [6.5, 8, 9.5, 11]) as shape
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'opportunity') as modified,
        cast(created as date) + cast(20 + below(n, 'cycle', 200) as integer) as planned
    from base
)
select
    sf_id('006', n) as "Id",
    gone or coalesce(account."IsDeleted" and account."MasterRecordId" is null, false) as "IsDeleted",
    maybe(n, 'has account', 97, coalesce(account."MasterRecordId", account."Id")) as "AccountId",
    chance(n, 'private', 2) as "IsPrivate",
    left(odd(n, 'opportunity name', 0.5, coalesce(account."Name", 'New business') || ' - ' || pick(n, 'deal', getvariable('products')) || ' ' || pick(n, 'edition', getvariable('editions'))), 120) as "Name",
    maybe(n, 'description', 25, prose(n, 'opportunity')) as "Description",
    case when closed and won then 'Closed Won' when closed then 'Closed Lost' else (getvariable('open_stages'))[stage + 1] end as "StageName",
    maybe(n, 'amount', 95, cast(round(exp(shape + 1.2 * unit(n, 'amount')), 2) as decimal(18, 2))) as "Amount",
    cast(case when closed and won then 100 when closed then 0 else (getvariable('open_odds'))[stage + 1] end as decimal(3, 0)) as "Probability",
    maybe(n, 'quantity', 40, cast(1 + below(n, 'quantity', 400) as decimal(18, 2))) as "TotalOpportunityQuantity",
    -- Now and then a person types 2206 for 2026, and Salesforce takes it.
    cast(case when closed then least(planned, cast(modified as date)) when n % 500 = 77 then planned + to_years(180)
        else planned end as date) as "CloseDate",
    maybe(n, 'type', 80, pick(n, 'type', ['Existing Customer - Upgrade', 'Existing Customer - Replacement', 'Existing Customer - Downgrade', 'New Customer'])) as "Type",
    odd(n, 'next step', 3, maybe(n, 'next step', 45, pick(n, 'next step', getvariable('sentences')))) as "NextStep",
    maybe(n, 'source', 75, pick(n, 'source', ['Web', 'Phone Inquiry', 'Partner Referral', 'Purchased List', 'Trade Show', 'Other'])) as "LeadSource",
    maybe(n, 'campaign', 30, campaign."Id") as "CampaignId",
    maybe(n, 'book', 60, book."Id") as "Pricebook2Id",
    some_user(n, 'owner') as "OwnerId",
    maybe(n, 'activity', 70, cast(modified as date)) as "LastActivityDate",
    cast(below(n, 'pushes', 5) as integer) as "PushCount",
    if(closed, modified, later_than(created, n, 'stage move')) as "LastStageChangeDate",
    chance(n, 'open activity', 30) as "HasOpenActivity",
    chance(n, 'overdue', 10) as "HasOverdueTask",
    if(closed and won, maybe(n, 'erp', 60, printf('SO-%08d', n)), null) as "ERP_Order__c",
    maybe(n, 'competitors', 35, pick(n, 'competitors', getvariable('competitor_sets'))) as "Competitors__c",
    maybe(n, 'discount', 40, cast(30 * unit(n, 'discount') as decimal(5, 2))) as "Discount_Percent__c",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Account" as account on account.rowid = dated.account
left join "Campaign" as campaign on campaign.rowid = below(n, 'campaign', greatest(getvariable('count_Campaign'), 1))
left join "Pricebook2" as book on book.rowid = below(n, 'book', 3)
order by n
