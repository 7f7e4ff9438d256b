-- Inserts a usage event with an idempotency key, unless the user has an event with the key.
--
-- $1 … $14  columns, in the order of the list
insert into carrel.usage_events
    (id, user_id, event_type, tokens_used, cost, metadata, idempotency_key, occurred_at, model,
        token_types, payload_hash, request_id, voids, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (user_id, idempotency_key) where idempotency_key is not null do nothing
