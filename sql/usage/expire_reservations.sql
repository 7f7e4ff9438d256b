-- Expires the held reservations of a user whose time is over, except those that another transaction
-- has locked. Returns the held amounts that become available.
--
-- $1 user_id
update carrel.usage_reservations set state = 'expired'
where id in (
    select r.id from carrel.usage_reservations as r
    where r.user_id = $1 and r.state = 'held' and r.expires_at <= clock_timestamp()
    for update skip locked
)
returning event_type, reserved_at, tokens, cost
