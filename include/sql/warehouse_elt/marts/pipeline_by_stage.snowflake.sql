-- The open pipeline of each stage at the end of each month, and what moved it there: opening + in - out + changed = closing.
{% import "warehouse_elt/marts/shared.snowflake.jinja" as shared with context %}
{% set is_multi = "currency_iso_code" in columns.opportunity %}
with {{ shared.survivors() }},
{{ shared.rates() }},
{{ shared.opportunities() }},
stages as (
    select
        opportunities.stage_name,
        boolor_agg(opportunities.is_closed) as is_closed,
        boolor_agg(opportunities.is_won) as is_won
    from opportunities
    group by opportunities.stage_name
),
recorded as (
{% if "versions" in inputs %}
    select
        ours.id as opportunity_id,
        ours."_VALID_FROM" as changed_at,
        ours."_VALID_FROM"::varchar as tie,
        ours.stage_name,
        ours.probability,
        ours.amount,
        ours.is_closed,
        ours.is_won
    from {{ inputs.versions | table }} as ours
    where not coalesce(ours."_DELETED", false)
{% endif %}
{% if "versions" in inputs and "opportunity_history" in inputs %}
    union all
{% endif %}
{% if "opportunity_history" in inputs %}
    select
        theirs.opportunity_id,
        theirs.created_date as changed_at,
        theirs.id as tie,
        theirs.stage_name,
        theirs.probability,
        theirs.amount,
        coalesce(stages.is_closed, theirs.probability in (0, 100)) as is_closed,
        coalesce(stages.is_won, theirs.probability = 100) as is_won
    from ({{ shared.live("opportunity_history") }}) as theirs
    left join stages
        on stages.stage_name = theirs.stage_name
{% if "versions" in inputs %}
    where not exists (
        select 1
        from {{ inputs.versions | table }} as ours
        where ours.id = theirs.opportunity_id
            and ours."_VALID_FROM" <= theirs.created_date
    )
{% endif %}
{% endif %}
),
known as (
    select
        recorded.*,
{% if is_multi %}
        {{ shared.converted("recorded.amount", "sold.own_currency") }} as converted_amount
{% else %}
        recorded.amount as converted_amount
{% endif %}
    from recorded
    inner join opportunities as sold
        on sold.id = recorded.opportunity_id
{% if is_multi %}
    left join rates
        on rates.currency = sold.own_currency
            and sold.close_date >= rates.valid_from
            and (sold.close_date < rates.valid_to or rates.valid_to is null)
{% endif %}
),
places as (
    select
        known.stage_name,
        row_number() over (order by avg(known.probability), known.stage_name) as place
    from known
    where not known.is_closed
    group by known.stage_name
),
steps as (
    select
        known.opportunity_id,
        date_trunc('month', known.changed_at)::date as month_start,
        known.stage_name,
        known.is_closed,
        known.is_won,
        coalesce(known.converted_amount, 0) as amount,
        lag(known.stage_name) over (partition by known.opportunity_id order by known.changed_at, known.tie) as was_stage,
        lag(known.is_closed) over (partition by known.opportunity_id order by known.changed_at, known.tie) as was_closed,
        coalesce(
            lag(known.converted_amount) over (partition by known.opportunity_id order by known.changed_at, known.tie), 0
        ) as was_amount
    from known
),
placed as (
    select
        steps.*,
        now_in.place as now_place,
        was_in.place as was_place,
        steps.was_stage is null as is_first,
        not steps.is_closed and coalesce(steps.was_closed or steps.was_stage != steps.stage_name, true) as comes_in,
        not coalesce(steps.was_closed, true) and (steps.is_closed or steps.was_stage != steps.stage_name) as goes_out
    from steps
    left join places as now_in
        on now_in.stage_name = steps.stage_name
    left join places as was_in
        on was_in.stage_name = steps.was_stage
),
moves as (
    select
        placed.month_start,
        placed.stage_name,
        1 as opportunities,
        placed.amount as amount_in,
        0 as amount_out,
        0 as amount_changed,
        iff(placed.is_first, 1, 0) as created_in,
        iff(placed.was_closed, 1, 0) as reopened_in,
        iff(not placed.was_closed and placed.was_place < placed.now_place, 1, 0) as advanced_in,
        iff(not placed.was_closed and placed.was_place > placed.now_place, 1, 0) as moved_back_in,
        0 as advanced_out,
        0 as moved_back_out,
        0 as won_out,
        0 as lost_out
    from placed
    where placed.comes_in
    union all
    select
        placed.month_start,
        placed.was_stage as stage_name,
        -1 as opportunities,
        0 as amount_in,
        placed.was_amount as amount_out,
        0 as amount_changed,
        0 as created_in,
        0 as reopened_in,
        0 as advanced_in,
        0 as moved_back_in,
        iff(not placed.is_closed and placed.was_place < placed.now_place, 1, 0) as advanced_out,
        iff(not placed.is_closed and placed.was_place > placed.now_place, 1, 0) as moved_back_out,
        iff(placed.is_closed and placed.is_won, 1, 0) as won_out,
        iff(placed.is_closed and not placed.is_won, 1, 0) as lost_out
    from placed
    where placed.goes_out
    union all
    select
        placed.month_start,
        placed.stage_name,
        0 as opportunities,
        0 as amount_in,
        0 as amount_out,
        placed.amount - placed.was_amount as amount_changed,
        0 as created_in,
        0 as reopened_in,
        0 as advanced_in,
        0 as moved_back_in,
        0 as advanced_out,
        0 as moved_back_out,
        0 as won_out,
        0 as lost_out
    from placed
    where not placed.is_closed and not placed.comes_in
),
months as (
    select distinct moves.month_start
    from moves
),
begun as (
    select moves.stage_name, min(moves.month_start) as first_month
    from moves
    group by moves.stage_name
),
monthly as (
    select
        months.month_start,
        begun.stage_name,
        coalesce(sum(moves.opportunities), 0) as opportunities,
        coalesce(sum(moves.amount_in::number(38, 2)), 0) as amount_in,
        coalesce(sum(moves.amount_out::number(38, 2)), 0) as amount_out,
        coalesce(sum(moves.amount_changed::number(38, 2)), 0) as amount_changed,
        coalesce(sum(moves.created_in), 0) as created_in,
        coalesce(sum(moves.reopened_in), 0) as reopened_in,
        coalesce(sum(moves.advanced_in), 0) as advanced_in,
        coalesce(sum(moves.moved_back_in), 0) as moved_back_in,
        coalesce(sum(moves.advanced_out), 0) as advanced_out,
        coalesce(sum(moves.moved_back_out), 0) as moved_back_out,
        coalesce(sum(moves.won_out), 0) as won_out,
        coalesce(sum(moves.lost_out), 0) as lost_out
    from begun
    inner join months
        on months.month_start >= begun.first_month
    left join moves
        on moves.stage_name = begun.stage_name
            and moves.month_start = months.month_start
    group by months.month_start, begun.stage_name
),
totals as (
    select
        monthly.*,
        sum(monthly.opportunities) over (
            partition by monthly.stage_name order by monthly.month_start
            rows between unbounded preceding and current row
        ) as closing_opportunities,
        sum((monthly.amount_in - monthly.amount_out + monthly.amount_changed)::number(38, 2)) over (
            partition by monthly.stage_name order by monthly.month_start
            rows between unbounded preceding and current row
        ) as closing_amount
    from monthly
)
select
    totals.month_start,
    totals.stage_name,
    places.place as stage_place,
    %(reporting_currency)s as currency,
    totals.closing_opportunities - totals.opportunities as opening_opportunities,
    (totals.closing_amount - totals.amount_in + totals.amount_out - totals.amount_changed)::number(38, 2)
        as opening_amount,
    totals.created_in,
    totals.reopened_in,
    totals.advanced_in,
    totals.moved_back_in,
    totals.advanced_out,
    totals.moved_back_out,
    totals.won_out,
    totals.lost_out,
    totals.amount_in::number(38, 2) as amount_in,
    totals.amount_out::number(38, 2) as amount_out,
    totals.amount_changed::number(38, 2) as amount_changed,
    totals.closing_opportunities,
    totals.closing_amount::number(38, 2) as closing_amount
from totals
inner join places
    on places.stage_name = totals.stage_name
