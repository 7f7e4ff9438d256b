-- Requests of users to agents, from creation to completion.
create table carrel.agent_requests (
    id uuid not null,
    user_id uuid not null,
    session_id uuid,
    agent_type text collate "C" not null,
    content text not null,
    status text not null default 'pending',
    progress real not null default 0,
    results jsonb,
    token_cost bigint not null default 0,
    error jsonb,
    priority integer not null default 0,
    attempts integer not null default 0,
    max_attempts integer not null default 3,
    run_at timestamptz not null default now(),
    lease_token uuid,
    lease_expires_at timestamptz,
    lease_owner text,
    cancel_requested_at timestamptz,
    idempotency_key text collate "C",
    payload_hash bytea,
    reserve_tokens bigint not null default 0,
    reserved_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz not null default now(),
    constraint agent_requests_pkey primary key (id),
    constraint agent_requests_user_id_id_key unique (user_id, id),
    constraint agent_requests_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade,
    constraint agent_requests_session_id_fkey foreign key (user_id, session_id) references carrel.agent_sessions (user_id, id) on delete set null (session_id),
    constraint agent_requests_status_check check (status in ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    constraint agent_requests_idempotency_key_check check (idempotency_key <> ''),
    constraint agent_requests_progress_check check (progress between 0 and 1),
    constraint agent_requests_token_cost_check check (token_cost >= 0),
    constraint agent_requests_reserve_tokens_check check (reserve_tokens between 0 and 1000000000000000),
    constraint agent_requests_attempts_check check (attempts >= 0),
    constraint agent_requests_max_attempts_check check (max_attempts >= 1)
);

-- Serves: the foreign key to agent_sessions, and the requests of a session in order.
create index agent_requests_user_id_session_id_idx on carrel.agent_requests (user_id, session_id, id);

-- Serves: a user's requests, newest first.
create index agent_requests_user_id_created_at_idx on carrel.agent_requests (user_id, created_at);

-- Serves: create_request() with an idempotency key.
create unique index agent_requests_user_id_idempotency_key_idx on carrel.agent_requests (user_id, idempotency_key)
    where idempotency_key is not null;

-- Serves: claims of all agent types, in priority order.
create index agent_requests_pending_idx on carrel.agent_requests (priority desc, run_at, id)
    where status = 'pending';

-- Serves: claims of some agent types, without scanning requests of others.
create index agent_requests_agent_type_pending_idx on carrel.agent_requests (agent_type, priority desc, run_at, id)
    where status = 'pending';

-- Serves: requeueing requests whose lease expired.
create index agent_requests_lease_expires_at_idx on carrel.agent_requests (lease_expires_at)
    where status = 'processing';

-- Serves: reservations of a user's open requests from hard limits.
create index agent_requests_user_id_open_idx on carrel.agent_requests (user_id)
    where status = 'pending' or status = 'processing';

-- Serves: purge_requests(), oldest first.
create index agent_requests_completed_at_idx on carrel.agent_requests (completed_at)
    where completed_at is not null;
