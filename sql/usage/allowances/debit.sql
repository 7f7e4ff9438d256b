-- Debits a share of a slot that no other transaction has locked: if it has the amount, or is an
-- overdraft.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start
-- $6 slot   $7 amount to add (negative)
update carrel.usage_allowances as own set amount = own.amount + $7::numeric
where own.id = (
    select share.id from carrel.usage_allowances as share
    where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
        and share.event_type = $2::text and share.period = $4::text
        and share.slot = $6 and (share.slot < 0 or share.amount + $7::numeric >= 0)
    limit 1 for update of share skip locked -- noqa: AM09
)
