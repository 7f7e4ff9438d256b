-- Deletes shares of periods in which no event can be recorded any more, unless another transaction
-- has them locked.
--
-- $1 array of user_id
delete from carrel.usage_allowances where id in (
    select share.id from carrel.usage_allowances as share
    where share.user_id = any($1) and share.period_end < now() - interval '36 days'
    for update skip locked
)
