-- What was used: facts, inserted once and never changed. request_id has no foreign key, for the
-- books outlive the requests. payload_hash tells an honest retry of an idempotency key from another
-- payload under the same key; rows inserted without the functions have none. What else an event must be is
-- checked by the trigger that counts it: Postgres reads the text of every CHECK anew in each statement,
-- which took longer than all else of an insert. Whoever turns that trigger off has neither checks nor totals.
create table carrel.usage_events (
    id uuid not null,
    user_id uuid not null,
    event_type text not null,
    tokens_used bigint not null default 0,
    cost numeric not null default 0,
    metadata jsonb not null default '{}',
    model text,
    token_types jsonb,
    idempotency_key text collate "C",
    payload_hash bytea,
    request_id uuid,
    voids uuid,
    occurred_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    constraint usage_events_pkey primary key (id),
    constraint usage_events_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade,
    constraint usage_events_cost_check check (abs(cost) <= '1000000000000000'::numeric)
);

-- Serves: a user's events in a period.
create index usage_events_user_id_occurred_at_idx on carrel.usage_events (user_id, occurred_at);

-- Serves: record_usage() with an idempotency key: one event for each key of a user, for ever.
create unique index usage_events_user_id_idempotency_key_idx on carrel.usage_events (user_id, idempotency_key)
    where idempotency_key is not null;

-- Serves: one void for each event.
create unique index usage_events_user_id_voids_idx on carrel.usage_events (user_id, voids)
    where voids is not null;
