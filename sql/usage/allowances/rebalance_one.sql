-- Debits a share, after moving the missing amount from one other share that has enough and is not
-- locked: an unassigned one (slot -1) first. Takes half of the other share, or more if needed.
-- Touches no row if there is none.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start
-- $6 id of the share   $7 amount
with need as (
    select $7::numeric
        - coalesce(sum(share.amount) filter (where share.id = $6 or share.amount < 0), 0) as amount
    from carrel.usage_allowances as share
    where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
        and share.event_type = $2::text and share.period = $4::text
), other as materialized (
    select share.id, least(share.amount, greatest(need.amount, ceil(share.amount / 2))) as amount
    from need
    cross join lateral (
        select share.id, share.amount from carrel.usage_allowances as share
        where need.amount > 0 and share.id <> $6 and share.amount >= need.amount
            and share.user_id = $1 and share.period_start = $5 and share.measure = $3
            and share.event_type = $2 and share.period = $4
        order by share.slot limit 1 for update skip locked
    ) as share
    where share.amount >= need.amount
), taken as (
    update carrel.usage_allowances as share set amount = share.amount - other.amount
    from other where share.id = other.id
    returning other.amount
)
update carrel.usage_allowances as share
set amount = share.amount + coalesce((select sum(taken.amount) from taken), 0) - $7
where share.id = $6
    and ((select need.amount <= 0 from need) or exists (select from taken))
