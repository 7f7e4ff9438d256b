-- Inserts a share for a slot, with half of an unassigned share (slot -1) if there is one. Returns
-- its id.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 slot   $7 period_end
with spare as materialized (
    select share.id, least(share.amount, ceil(share.amount / 2)) as half
    from carrel.usage_allowances as share
    where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
        and share.event_type = $2::text and share.period = $4::text and share.slot = -1 and share.amount > 0
    limit 1 for update of share skip locked -- noqa: AM09
), taken as (
    update carrel.usage_allowances as share set amount = share.amount - spare.half
    from spare where share.id = spare.id
)
insert into carrel.usage_allowances
    (user_id, event_type, measure, period, period_start, period_end, slot, amount)
values ($1, $2, $3, $4, $5, $7, $6, coalesce((select spare.half from spare), 0))
returning id
