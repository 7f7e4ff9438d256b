-- Usage events: facts, inserted once and never changed.
--
-- request_id has no foreign key: the ledger outlives requests. payload_hash distinguishes a retry
-- from another payload with the same idempotency key. Rows that are not inserted by functions have
-- no payload_hash.
--
-- Functions check and count their events themselves (src/usage/ledger/insert.rs). The trigger
-- usage_events_count does both for rows that SQL inserts. CHECK constraints are too slow: Postgres
-- parses their text in each statement, which takes longer than the rest of an insert.
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

-- Serves: sums over the events of a user in a period.
create index usage_events_user_id_occurred_at_idx on carrel.usage_events (user_id, occurred_at);

-- Serves: record_usage(): one event for each idempotency key of a user.
create unique index usage_events_user_id_idempotency_key_idx on carrel.usage_events (user_id, idempotency_key)
    where idempotency_key is not null;

-- Serves: void_usage(): one void for each event.
create unique index usage_events_user_id_voids_idx on carrel.usage_events (user_id, voids)
    where voids is not null;
