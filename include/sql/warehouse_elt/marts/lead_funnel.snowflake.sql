-- What became of the leads of each month and source, and how long it took.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
leads as (
    select
        date_trunc('month', came.created_date)::date as created_month,
        coalesce(came.lead_source, '(none)') as lead_source,
        came.is_converted,
        came.converted_opportunity_id,
        iff(
            came.is_converted, greatest(datediff('day', came.created_date::date, came.converted_date), 0), null
        ) as days_to_convert
    from ({{ shared.live("lead") }}) as came
)
select
    leads.created_month,
    leads.lead_source,
    %(reporting_currency)s as currency,
    count(*) as leads,
    count_if(leads.is_converted) as converted_leads,
    count_if(leads.days_to_convert = 0) as converted_same_day,
    count(sold.id) as with_opportunity,
    count_if(sold.is_won) as won_opportunities,
    coalesce(sum(iff(sold.is_won, sold.amount, null)::number(38, 2)), 0)::number(38, 2) as won_revenue,
    round(count_if(leads.is_converted) / count(*), 4)::number(38, 4) as conversion_rate,
    round(avg(leads.days_to_convert), 2)::number(38, 2) as average_days_to_convert,
    round(median(leads.days_to_convert), 2)::number(38, 2) as median_days_to_convert
from leads
left join opportunities as sold
    on sold.id = leads.converted_opportunity_id
group by leads.created_month, leads.lead_source
