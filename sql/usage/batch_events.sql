-- Events of a batch, as rows with the arguments of record_usage().
--
-- $1 array of objects
select event_type, tokens_used, cost, coalesce(metadata, '{}'), idempotency_key, occurred_at, model,
    token_types, user_id
from jsonb_to_recordset($1::jsonb) as e ( -- noqa: AL05
    event_type text, tokens_used bigint, cost numeric, metadata jsonb, idempotency_key text,
    occurred_at timestamptz, model text, token_types jsonb, user_id uuid
)
