-- Clears limit_value of shares of another limit: their amounts count as debits of the new one.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 limit
update carrel.usage_allowances as share set limit_value = null
where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
    and share.event_type = $2::text and share.period = $4::text and share.limit_value <> $6
