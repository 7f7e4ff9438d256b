-- Message about the first wrong argument of reserve_usage(); null: none.
--
-- $1 event_type   $2 tokens   $3 cost   $4 ttl   $5 idempotency_key
select case
    when $1::text is null then 'event_type must not be empty'
    when $2::bigint < 0 or $2 > 1000000000000000 then 'tokens must be from 0 to 10^15: ' || $2
    when $3::numeric < 0 or $3 in ('NaN', 'Infinity') or $3 > 1000000000000000
        then 'cost must be from 0 to 10^15: ' || $3
    when $4::interval is null then 'ttl must not be null'
    when $5::text = '' then 'idempotency_key must not be empty: leave it out for a reservation without one'
end as wrong
