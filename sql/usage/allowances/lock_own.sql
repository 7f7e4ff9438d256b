-- Locks the share of a slot, unless another transaction has it locked. Returns its id.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 slot
select share.id
from carrel.usage_allowances as share
where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
    and share.event_type = $2::text and share.period = $4::text and share.slot = $6
limit 1 for update of share skip locked -- noqa: AM09
