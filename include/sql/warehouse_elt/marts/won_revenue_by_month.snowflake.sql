-- Won opportunities by the month of their close date, in the reporting currency.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
months as (
    select
        date_trunc('month', won.close_date)::date as close_month,
        count(*) as won_opportunities,
        count(distinct won.account_id) as accounts,
        coalesce(sum(won.amount::number(38, 2)), 0)::number(38, 2) as won_revenue,
        count_if(won.own_amount is null) as opportunities_without_amount,
        count_if(won.own_amount is not null and won.amount is null) as opportunities_without_rate
    from opportunities as won
    where won.is_won
    group by 1
)
select
    months.close_month,
    %(reporting_currency)s as currency,
    months.won_opportunities,
    months.accounts,
    months.won_revenue,
    sum(months.won_revenue::number(38, 2)) over (
        partition by date_trunc('year', months.close_month)
        order by months.close_month
        rows between unbounded preceding and current row
    )::number(38, 2) as won_revenue_year_to_date,
    months.opportunities_without_amount,
    months.opportunities_without_rate
from months
