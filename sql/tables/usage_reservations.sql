-- Reservations of usage for work of unknown cost. A held reservation counts against hard limits
-- until it is settled, released or expired.
create table carrel.usage_reservations (
    id uuid not null,
    user_id uuid not null,
    event_type text not null,
    tokens bigint not null default 0,
    cost numeric not null default 0,
    state text not null default 'held',
    idempotency_key text collate "C",
    payload_hash bytea,
    event_id uuid,
    settled_hash bytea,
    reserved_at timestamptz not null default now(),
    expires_at timestamptz not null,
    resolved_at timestamptz,
    constraint usage_reservations_pkey primary key (id),
    constraint usage_reservations_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade,
    constraint usage_reservations_event_type_check check (event_type <> ''),
    constraint usage_reservations_tokens_check check (tokens between 0 and 1000000000000000),
    constraint usage_reservations_cost_check check (cost >= 0 and cost <= 1000000000000000),
    constraint usage_reservations_state_check check (state in ('held', 'expired', 'settled', 'released'))
);

-- Serves: the foreign key, when a user is deleted.
create index usage_reservations_user_id_idx on carrel.usage_reservations (user_id);

-- Serves: sums over the held reservations of a user, and their expiry.
create index usage_reservations_user_id_held_idx on carrel.usage_reservations (user_id, expires_at)
    where state = 'held';

-- Serves: reserve_usage(): one reservation for each idempotency key of a user.
create unique index usage_reservations_user_id_idempotency_key_idx on carrel.usage_reservations (user_id, idempotency_key)
    where idempotency_key is not null;
