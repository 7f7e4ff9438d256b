-- Debits a share, after moving the missing amount from all other shares that are not locked: half of
-- each, or all if the halves do not suffice. Touches no row if they do not have enough.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start
-- $6 id of the share   $7 amount
with others as materialized (
    select share.id, share.amount, least(share.amount, ceil(share.amount / 2)) as half
    from carrel.usage_allowances as share
    where share.id <> $6 and share.amount > 0
        and share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
        and share.event_type = $2::text and share.period = $4::text
    for update skip locked
), need as (
    select $7::numeric
        - coalesce(sum(share.amount) filter (where share.id = $6 or share.amount < 0), 0) as amount
    from carrel.usage_allowances as share
    where share.user_id = $1 and share.period_start = $5 and share.measure = $3
        and share.event_type = $2 and share.period = $4
), plan as (
    select need.amount <= 0 as is_enough, coalesce(sum(others.half), 0) >= need.amount as is_half
    from need left join others on true
    group by need.amount
    having need.amount <= 0 or sum(others.amount) >= need.amount
), taken as (
    update carrel.usage_allowances as share
    set amount = share.amount - case when plan.is_half then others.half else others.amount end
    from others, plan
    where share.id = others.id and not plan.is_enough
    returning case when plan.is_half then others.half else others.amount end as amount
)
update carrel.usage_allowances as share
set amount = share.amount + coalesce((select sum(taken.amount) from taken), 0) - $7
where share.id = $6 and exists (select from plan)
