-- Tells if all shares are of the limit as it is now, so that they add up to its remaining
-- allowance.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 limit
select coalesce(bool_and(share.limit_value = $6::numeric), false)
from carrel.usage_allowances as share
where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
    and share.event_type = $2::text and share.period = $4::text
