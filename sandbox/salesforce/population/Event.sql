with base as (
    select n, created_at(n, getvariable('count')) as created, below(n, 'contact', getvariable('count_Contact')) as contact_number,
        below(n, 'opportunity', getvariable('count_Opportunity')) as opportunity_number, 15 * (1 + below(n, 'length', 8)) as minutes
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'event') as modified,
        date_trunc('hour', created) + to_hours(1 + below(n, 'ahead', 500)) as starts
    from base
)
select
    sf_id('00U', n) as "Id",
    below(n, 'gone', 60) = 0 as "IsDeleted",
    maybe(n, 'who', 85, contact."Id") as "WhoId",
    maybe(n, 'what', 75, opportunity."Id") as "WhatId",
    pick(n, 'subject', ['Meeting', 'Call', 'Demo, on site', 'Workshop “Ziele”', 'Other']) as "Subject",
    maybe(n, 'location', 60, pick(n, 'location', getvariable('cities'))) as "Location",
    chance(n, 'all day', 5) as "IsAllDayEvent",
    starts as "ActivityDateTime",
    cast(starts as date) as "ActivityDate",
    cast(minutes as integer) as "DurationInMinutes",
    starts as "StartDateTime",
    starts + to_minutes(minutes) as "EndDateTime",
    maybe(n, 'description', 40, prose(n, 'event')) as "Description",
    opportunity."AccountId" as "AccountId",
    some_user(n, 'owner') as "OwnerId",
    chance(n, 'private', 5) as "IsPrivate",
    pick(n, 'show', ['Busy', 'Busy', 'Free', 'OutOfOffice']) as "ShowAs",
    starts < getvariable('now') - interval 365 day as "IsArchived",
    'Event' as "EventSubtype",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Contact" as contact on contact.rowid = contact_number
left join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
order by n
