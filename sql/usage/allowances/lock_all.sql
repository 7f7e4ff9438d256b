-- Locks all shares of limits in the order of their keys, and waits for other transactions. All
-- other statements skip locked shares.
--
-- $1 … $5  limits, one array for each column: user_id, event_type, measure, period, period_start
select from carrel.usage_allowances as share
where share.id in (
    select one.id
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        as k (user_id, event_type, measure, period, period_start)
    join carrel.usage_allowances as one on k.user_id = one.user_id and k.period_start = one.period_start
        and k.measure = one.measure and k.event_type = one.event_type and k.period = one.period
)
order by share.user_id, share.period_start, share.measure, share.event_type, share.period, share.slot, share.id
for update of share
