-- Conversations of users with agents: requests in order, and shared state.
create table carrel.agent_sessions (
    id uuid not null,
    user_id uuid not null,
    title text,
    request_chain jsonb not null default '[]',
    context_state jsonb not null default '{}',
    version bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint agent_sessions_pkey primary key (id),
    constraint agent_sessions_user_id_id_key unique (user_id, id),
    constraint agent_sessions_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade,
    constraint agent_sessions_request_chain_check check (jsonb_typeof(request_chain) = 'array'),
    constraint agent_sessions_version_check check (version >= 0)
);
