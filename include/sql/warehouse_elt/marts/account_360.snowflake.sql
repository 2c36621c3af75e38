-- What is known of each account in one row: people, pipeline, revenue, activity.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
{{ shared.activities() }},
sales as (
    select
        sold.account_id,
        count_if(not sold.is_closed) as open_opportunities,
        sum(iff(not sold.is_closed, sold.amount, null)::number(38, 2)) as open_amount,
        count_if(sold.is_won) as won_opportunities,
        sum(iff(sold.is_won, sold.amount, null)::number(38, 2)) as won_revenue,
        count_if(sold.is_closed and not sold.is_won) as lost_opportunities,
        min(iff(sold.is_won, sold.close_date, null)) as first_won_on,
        max(iff(sold.is_won, sold.close_date, null)) as last_won_on,
        count_if(sold.own_amount is not null and sold.amount is null) as opportunities_without_rate
    from opportunities as sold
    group by sold.account_id
),
people as (
{% if "contact" in inputs %}
    select coalesce(moved.survivor_id, person.account_id) as account_id, count(*) as contacts
    from ({{ shared.live("contact") }}) as person
    left join survivors as moved
        on moved.loser_id = person.account_id
    group by 1
{% else %}
    select null::varchar as account_id, 0 as contacts
    where false
{% endif %}
),
leads as (
{% if "lead" in inputs %}
    select coalesce(moved.survivor_id, came.converted_account_id) as account_id, count(*) as converted_leads
    from ({{ shared.live("lead") }}) as came
    left join survivors as moved
        on moved.loser_id = came.converted_account_id
    where came.is_converted
    group by 1
{% else %}
    select null::varchar as account_id, 0 as converted_leads
    where false
{% endif %}
),
contacted as (
    select
        activities.account_id,
        count(*) as activities,
        max(iff(activities.is_done, activities.happened_on, null)) as last_activity_on
    from activities
    group by activities.account_id
)
select
    account.id as account_id,
    account.name as account_name,
    {{ "account.type" if shared.has("account", "type") else "null::varchar" }} as account_type,
    {{ "account.industry" if shared.has("account", "industry") else "null::varchar" }} as industry,
    account.owner_id,
    {{ "owner.name" if "user" in inputs else "null::varchar" }} as owner_name,
    account.created_date::date as created_on,
    %(reporting_currency)s as currency,
    coalesce(people.contacts, 0) as contacts,
    coalesce(leads.converted_leads, 0) as converted_leads,
    coalesce(sales.open_opportunities, 0) as open_opportunities,
    coalesce(sales.open_amount, 0)::number(38, 2) as open_amount,
    coalesce(sales.won_opportunities, 0) as won_opportunities,
    coalesce(sales.won_revenue, 0)::number(38, 2) as won_revenue,
    coalesce(sales.lost_opportunities, 0) as lost_opportunities,
    round(
        sales.won_opportunities / nullif(sales.won_opportunities + sales.lost_opportunities, 0), 4
    )::number(38, 4) as win_rate,
    sales.first_won_on,
    sales.last_won_on,
    coalesce(sales.opportunities_without_rate, 0) as opportunities_without_rate,
    coalesce(contacted.activities, 0) as activities,
    contacted.last_activity_on
from ({{ shared.live("account") }}) as account
{% if "user" in inputs %}
left join {{ inputs.user | table }} as owner
    on owner.id = account.owner_id
{% endif %}
left join sales
    on sales.account_id = account.id
left join people
    on people.account_id = account.id
left join leads
    on leads.account_id = account.id
left join contacted
    on contacted.account_id = account.id
