-- Finds the reservation with a key. Returns its id, true if its hash (reserve.sql) matches the
-- arguments, and the key.
--
-- $1 user_id   $2 event_type   $3 tokens   $4 cost   $5 ttl   $6 idempotency_key
select r.id,
    (r.payload_hash is not distinct from sha256(convert_to(jsonb_build_array(
        $2::text, $3::bigint, trim_scale($4::numeric), extract(epoch from $5::interval)
    )::text, 'UTF8'))),
    r.idempotency_key
from carrel.usage_reservations as r
where r.user_id = $1 and r.idempotency_key = $6
