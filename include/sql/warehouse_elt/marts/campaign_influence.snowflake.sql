-- What each campaign had a hand in: its members, and the opportunities that came of them.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
members as (
    select
        joined.campaign_id,
        coalesce(moved_lead.survivor_id, joined.lead_id) as lead_id,
        coalesce(moved_contact.survivor_id, joined.contact_id) as contact_id,
        joined.has_responded,
        joined.created_date::date as joined_on
    from ({{ shared.live("campaign_member") }}) as joined
    left join survivors as moved_lead
        on moved_lead.loser_id = joined.lead_id
    left join survivors as moved_contact
        on moved_contact.loser_id = joined.contact_id
),
campaigns as (
{{ shared.live("campaign") }}
),
touched as (
    select sold.campaign_id, sold.id as opportunity_id, true as is_primary
    from opportunities as sold
    where sold.campaign_id is not null
    union all
    select members.campaign_id, sold.id as opportunity_id, false as is_primary
    from members
    inner join opportunities as sold
        on sold.contact_id = members.contact_id
            and members.joined_on <= sold.close_date
{% if "lead" in inputs %}
    union all
    select members.campaign_id, came.converted_opportunity_id as opportunity_id, false as is_primary
    from members
    inner join ({{ shared.live("lead") }}) as came
        on came.id = members.lead_id
    where came.converted_opportunity_id is not null
{% endif %}
),
influences as (
    select touched.campaign_id, touched.opportunity_id, boolor_agg(touched.is_primary) as is_primary
    from touched
    inner join campaigns
        on campaigns.id = touched.campaign_id
    group by touched.campaign_id, touched.opportunity_id
),
shares as (
    select
        influences.campaign_id,
        influences.is_primary,
        sold.is_closed,
        sold.is_won,
        sold.amount,
        count(*) over (partition by influences.opportunity_id) as campaigns,
        round(sold.amount / count(*) over (partition by influences.opportunity_id), 2)::number(38, 2) as even_share,
        row_number() over (
            partition by influences.opportunity_id order by influences.is_primary desc, influences.campaign_id
        ) as place
    from influences
    inner join opportunities as sold
        on sold.id = influences.opportunity_id
),
attributed as (
    select
        shares.*,
        iff(shares.place = 1, shares.amount - (shares.campaigns - 1) * shares.even_share, shares.even_share) as part
    from shares
),
sales as (
    select
        attributed.campaign_id,
        count(*) as influenced_opportunities,
        count_if(attributed.is_primary) as primary_opportunities,
        count_if(attributed.is_won) as won_opportunities,
        sum(iff(not attributed.is_closed, attributed.amount, null)::number(38, 2)) as influenced_open_amount,
        sum(iff(attributed.is_won, attributed.amount, null)::number(38, 2)) as influenced_won_revenue,
        sum(iff(not attributed.is_closed, attributed.part, null)::number(38, 2)) as attributed_open_amount,
        sum(iff(attributed.is_won, attributed.part, null)::number(38, 2)) as attributed_won_revenue
    from attributed
    group by attributed.campaign_id
),
audience as (
    select
        members.campaign_id,
        count(*) as members,
        count(members.lead_id) as lead_members,
        count(members.contact_id) as contact_members,
        count_if(members.has_responded) as responses
    from members
    group by members.campaign_id
)
select
    campaigns.id as campaign_id,
    campaigns.name as campaign_name,
    {{ "campaigns.type" if shared.has("campaign", "type") else "null::varchar" }} as campaign_type,
    {{ "campaigns.start_date" if shared.has("campaign", "start_date") else "null::date" }} as start_date,
    %(reporting_currency)s as currency,
    coalesce(audience.members, 0) as members,
    coalesce(audience.lead_members, 0) as lead_members,
    coalesce(audience.contact_members, 0) as contact_members,
    coalesce(audience.responses, 0) as responses,
    round(audience.responses / nullif(audience.members, 0), 4)::number(38, 4) as response_rate,
    coalesce(sales.primary_opportunities, 0) as primary_opportunities,
    coalesce(sales.influenced_opportunities, 0) as influenced_opportunities,
    coalesce(sales.won_opportunities, 0) as won_opportunities,
    coalesce(sales.influenced_open_amount, 0)::number(38, 2) as influenced_open_amount,
    coalesce(sales.influenced_won_revenue, 0)::number(38, 2) as influenced_won_revenue,
    coalesce(sales.attributed_open_amount, 0)::number(38, 2) as attributed_open_amount,
    coalesce(sales.attributed_won_revenue, 0)::number(38, 2) as attributed_won_revenue
from campaigns
left join audience
    on audience.campaign_id = campaigns.id
left join sales
    on sales.campaign_id = campaigns.id
