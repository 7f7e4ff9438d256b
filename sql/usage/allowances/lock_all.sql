-- Locks all shares of limits in the order of their ids, and waits for other transactions.
--
-- $1 … $5  limits, one array for each column: user_id, event_type, measure, period, period_start
select from carrel.usage_allowances as share
where share.id in (
    select share.id
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        as k (user_id, event_type, measure, period, period_start)
    join carrel.usage_allowances as share on share.user_id = k.user_id and share.period_start = k.period_start
        and share.measure = k.measure and share.event_type = k.event_type and share.period = k.period
)
order by share.id for update
