-- Removal leaves no trace here: members have no recycle bin.
with base as (
    select n, created_at(n, getvariable('count')) as created, chance(n, 'is lead', 50) as is_lead, below(n, 'campaign', getvariable('count_Campaign')) as campaign_number,
        below(n, 'lead', getvariable('count_Lead')) as lead_number, below(n, 'contact', getvariable('count_Contact')) as contact_number,
        pick(n, 'status', ['Sent', 'Sent', 'Received', 'Responded', 'Attended', 'No Show']) as status
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'member') as modified from base
)
select
    sf_id('00v', n) as "Id",
    false as "IsDeleted",
    campaign."Id" as "CampaignId",
    if(is_lead, lead."Id", null) as "LeadId",
    if(is_lead, null, contact."Id") as "ContactId",
    if(is_lead, null, contact."AccountId") as "AccountId",
    dated.status as "Status",
    if(dated.status in ('Responded', 'Attended'), cast(modified as date), null) as "FirstRespondedDate",
    if(is_lead, concat_ws(' ', lead."FirstName", lead."LastName"), concat_ws(' ', contact."FirstName", contact."LastName")) as "Name",
    if(is_lead, lead."FirstName", contact."FirstName") as "FirstName",
    if(is_lead, lead."LastName", contact."LastName") as "LastName",
    if(is_lead, lead."Title", contact."Title") as "Title",
    if(is_lead, lead."Email", contact."Email") as "Email",
    if(is_lead, lead."Phone", contact."Phone") as "Phone",
    if(is_lead, lead."Company", null) as "CompanyOrAccount",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
join "Campaign" as campaign on campaign.rowid = campaign_number
left join "Lead" as lead on lead.rowid = lead_number
left join "Contact" as contact on contact.rowid = contact_number
order by n
