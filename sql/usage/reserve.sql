-- Inserts a reservation. Returns its id; no row: the user has a reservation with the key.
--
-- $1 user_id   $2 event_type   $3 tokens   $4 cost   $5 ttl   $6 idempotency_key
-- The hash is compared by find_reservation.sql.
insert into carrel.usage_reservations
    (id, user_id, event_type, tokens, cost, idempotency_key, payload_hash, reserved_at, expires_at)
select carrel.uuid_v7(), $1::uuid, $2, coalesce($3, 0), coalesce(round($4, 10), 0), $6::text,
    case when $6 is not null then sha256(convert_to(jsonb_build_array(
        $2::text, $3::bigint, trim_scale($4::numeric), extract(epoch from $5::interval)
    )::text, 'UTF8')) end,
    now(), clock_timestamp() + $5
on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
returning id
