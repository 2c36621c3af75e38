-- How often each person was in touch with each account, by what.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
{{ shared.activities() }}
select
    activities.account_id,
    activities.owner_id,
    {{ "max(owner.name)" if "user" in inputs else "null::varchar" }} as owner_name,
    count(*) as activities,
    count_if(activities.kind = 'task') as tasks,
    count_if(activities.kind = 'call') as calls,
    count_if(activities.kind = 'event') as events,
    count_if(activities.kind = 'email') as emails,
    count_if(not activities.is_done) as open_tasks,
    min(iff(activities.is_done, activities.happened_on, null)) as first_activity_on,
    max(iff(activities.is_done, activities.happened_on, null)) as last_activity_on
from activities
{% if "user" in inputs %}
left join {{ inputs.user | table }} as owner
    on owner.id = activities.owner_id
{% endif %}
group by activities.account_id, activities.owner_id
