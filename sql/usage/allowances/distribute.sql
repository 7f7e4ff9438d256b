-- Moves equal amounts from a share to unassigned shares (slot -1), for other backends.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 id of the share
-- $7 period_end   $8 amount that stays in the share   $9 number of shares, this one included
-- $10 decimals of an amount
with own as (
    select trunc((share.amount - $8::numeric) / $9, $10) as amount
    from carrel.usage_allowances as share where share.id = $6
), given as (
    insert into carrel.usage_allowances
        (user_id, event_type, measure, period, period_start, period_end, slot, amount)
    select $1::uuid, $2::text, $3::text, $4::text, $5::timestamptz, $7::timestamptz, -1, own.amount
    from own, generate_series(2, $9) where own.amount > 0
    returning amount
)
update carrel.usage_allowances as share
set amount = share.amount - (select sum(given.amount) from given)
where share.id = $6 and exists (select from given)
