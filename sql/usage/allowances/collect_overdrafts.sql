-- Moves overdrafts (slots below -1) into a share, except those that another transaction has locked.
--
-- $1 user_id   $2 event_type   $3 measure   $4 period   $5 period_start   $6 id of the share
with overdrafts as materialized (
    select share.id, share.amount from carrel.usage_allowances as share
    where share.user_id = $1::uuid and share.period_start = $5::timestamptz and share.measure = $3::text
        and share.event_type = $2::text and share.period = $4::text and share.slot < -1
    for update of share skip locked
), gone as (
    delete from carrel.usage_allowances as share using overdrafts where share.id = overdrafts.id
)
update carrel.usage_allowances as own
set amount = own.amount + (select sum(overdrafts.amount) from overdrafts)
where own.id = $6 and exists (select from overdrafts)
