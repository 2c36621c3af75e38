with base as (
    select n, created_at(n, getvariable('count')) as created, below(n, 'opportunity', getvariable('count_Opportunity')) as opportunity_number,
        below(n, 'contact', getvariable('count_Contact')) as contact_number, chance(n, 'incoming', 45) as incoming,
        pick(n, 'subject', getvariable('subjects')) as subject, prose(n, 'email') as body
    from range(getvariable('count')) as rows(n)
), dated as (
    select *, modified_at(created, n, 'email') as modified from base
)
select
    sf_id('02s', n) as "Id",
    below(n, 'gone', 80) = 0 as "IsDeleted",
    maybe(n, 'related', 80, opportunity."Id") as "RelatedToId",
    body || chr(13) || chr(10) || chr(13) || chr(10) || '-- ' || chr(13) || chr(10) || pick(n, 'signature', getvariable('first_names')) as "TextBody",
    maybe(n, 'html', 60, '<html><body><p class="x">' || replace(body, chr(10), '<br>') || '</p></body></html>') as "HtmlBody",
    subject as "Subject",
    pick(n, 'sender', getvariable('first_names')) || ' ' || pick(n, 'sender', getvariable('last_names')) as "FromName",
    if(incoming, contact."Email", 'sales@example.com') as "FromAddress",
    if(incoming, 'sales@example.com', contact."Email") as "ToAddress",
    maybe(n, 'copy', 20, 'a@example.com; "B, C" <b@example.com>') as "CcAddress",
    incoming as "Incoming",
    chance(n, 'attachment', 15) as "HasAttachment",
    if(incoming, pick(n, 'status', ['0', '1', '2']), '3') as "Status",
    created as "MessageDate",
    if(n > 0 and chance(n, 'reply', 25), sf_id('02s', below(n, 'reply', n)), null) as "ReplyToEmailMessageId",
    true as "IsExternallyVisible",
    '<' || printf('%012x', below(n, 'message', 281474976710655)) || '@mail.example.com>' as "MessageIdentifier",
    true as "IsClientManaged",
    not incoming as "IsTracked",
    if(incoming, null, maybe(n, 'opened', 40, modified)) as "FirstOpenedDate",
    if(incoming, null, maybe(n, 'opened', 40, modified)) as "LastOpenedDate",
    created as "CreatedDate",
    some_user(n, 'creator') as "CreatedById",
    modified as "LastModifiedDate",
    some_user(n, 'editor') as "LastModifiedById",
    stamped_at(modified, n) as "SystemModstamp"
from dated
left join "Contact" as contact on contact.rowid = contact_number
left join "Opportunity" as opportunity on opportunity.rowid = opportunity_number
order by n
