-- Inserts a usage event of the sample, unless it exists.
--
-- $1 id   $2 user_id   $3 event_type   $4 tokens   $5 model   $6 age in days
insert into carrel.usage_events (id, user_id, event_type, tokens_used, cost, model, occurred_at)
values ($1, $2, $3, $4, $4 * 0.000002, $5, now() - $6 * interval '1 day') on conflict (id) do nothing
