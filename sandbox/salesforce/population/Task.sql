-- A third are calls. Those older than a year are archived. A task may outlive what it was about: its ids then dangle.
with base as (
    select n, created_at(n, getvariable('count')) as created, chance(n, 'call', 33) as is_call, chance(n, 'done', 70) as done,
        below(n, 'contact', getvariable('count_Contact')) as contact_number, below(n, 'opportunity', getvariable('count_Opportunity')) as opportunity_number,
        below(n, 'lead', getvariable('count_Lead')) as lead_number, chance(n, 'about a lead', 20) as about_lead
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'task') as modified from base
)
select
    sf_id('00T', n) as "Id",
    below(n, 'gone', 60) = 0 as "IsDeleted",
    if(about_lead, lead."Id", maybe(n, 'who', 80, contact."Id")) as "WhoId",
    if(about_lead, null, maybe(n, 'what', 75, opportunity."Id")) as "WhatId",
    if(is_call, 'Call', odd(n, 'subject', 1, pick(n, 'subject', getvariable('subjects')))) as "Subject",
    maybe(n, 'due', 90, cast(created as date) + cast(below(n, 'due', 30) as integer)) as "ActivityDate",
    if(done, 'Completed', pick(n, 'status', ['Not Started', 'In Progress', 'Waiting on someone else', 'Deferred'])) as "Status",
    pick(n, 'priority', ['High', 'Normal', 'Normal', 'Normal', 'Low']) as "Priority",
    some_user(n, 'owner') as "OwnerId",
    maybe(n, 'description', 40, prose(n, 'task')) as "Description",
    if(about_lead, null, opportunity."AccountId") as "AccountId",
    done and created < getvariable('now') - interval 365 day as "IsArchived",
    if(is_call, cast(below(n, 'seconds', 3600) as integer), null) as "CallDurationInSeconds",
    if(is_call, pick(n, 'direction', ['Inbound', 'Outbound', 'Outbound']), null) as "CallType",
    if(is_call, pick(n, 'outcome', ['Connected', 'Left voicemail', 'No answer', 'Wrong number', 'Busy']), null) as "CallDisposition",
    if(is_call, printf('%08x', below(n, 'call', 4294967295)), null) as "CallObject",
    if(is_call, 'Call', pick(n, 'subtype', ['Task', 'Task', 'Email'])) as "TaskSubtype",
    if(done, modified, null) as "CompletedDateTime",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Contact" as contact on contact.rowid = contact_number
left join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
left join "Lead" as lead on lead.rowid = lead_number
order by n
