-- An application's own tables, as Drizzle made them, with some rows of two users and one who never got a profile.
create table public.user_profiles (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null unique,
    name text,
    plan_type text not null default 'free',
    usage_count integer not null default 0,
    subscription_status text not null default 'active',
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

create table public.documents (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    filename text not null,
    file_type text not null,
    file_size integer not null,
    processing_status text not null default 'pending',
    content_text text,
    search_vector tsvector,
    storage_path text,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

create table public.document_chunks (
    id uuid primary key default gen_random_uuid(),
    document_id uuid not null references public.documents (id) on delete cascade,
    chunk_index integer not null,
    content text not null,
    section_title text,
    search_vector tsvector,
    created_at timestamp with time zone not null default now()
);

create table public.agent_sessions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    request_chain jsonb not null default '[]',
    context_state jsonb not null default '{}',
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

create table public.agent_requests (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    agent_type text not null,
    content text not null,
    status text not null default 'pending',
    progress real not null default 0,
    results jsonb,
    token_cost integer not null default 0,
    created_at timestamp with time zone not null default now(),
    updated_at timestamp with time zone not null default now()
);

create table public.usage_events (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null,
    event_type text not null,
    tokens_used integer not null default 0,
    cost real not null default 0,
    metadata jsonb,
    created_at timestamp with time zone not null default now()
);

-- Alice's counter drifted. Nobody made a profile for the third.
insert into public.user_profiles (user_id, name, plan_type, usage_count, created_at) values
('a11ce000-0000-4000-8000-000000000001', 'Alice', 'pro', 17, '2025-03-05 10:00+00'),
('b0b00000-0000-4000-8000-000000000002', 'Bob', 'free', 0, '2025-04-30 23:30+00');

insert into public.documents (id, user_id, filename, file_type, file_size, processing_status, content_text, created_at, updated_at) values
('d0000000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-000000000001', 'moles.md', 'text/markdown', 4000, 'completed', E'# Moles\n\nThe mole digs.\n\nIt rests.', '2025-03-06', '2025-03-07'),
('d0000000-0000-4000-8000-000000000002', 'b0b00000-0000-4000-8000-000000000002', 'herons.txt', 'text/plain', 40, 'completed', 'The heron stands.', '2025-05-01', '2025-05-01'),
('d0000000-0000-4000-8000-000000000003', 'a11ce000-0000-4000-8000-000000000001', 'left.txt', 'text/plain', 40, 'processing', 'A badger sleeps.', '2025-05-01', '2025-05-01'),
('d0000000-0000-4000-8000-000000000004', 'cafe0000-0000-4000-8000-000000000003', 'scan.pdf', 'application/pdf', 70000, 'pending', null, '2025-05-01', '2025-05-01');

insert into public.document_chunks (id, document_id, chunk_index, content, section_title) values
('c0000000-0000-4000-8000-000000000001', 'd0000000-0000-4000-8000-000000000001', 0, 'The mole digs.', 'Moles'),
('c0000000-0000-4000-8000-000000000002', 'd0000000-0000-4000-8000-000000000001', 1, 'It rests.', 'Moles'),
('c0000000-0000-4000-8000-000000000003', 'd0000000-0000-4000-8000-000000000002', 0, 'The heron stands.', null);

insert into public.agent_requests (id, user_id, agent_type, content, status, progress, results, token_cost, created_at, updated_at) values
('a0000000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-000000000001', 'chat', 'Who digs?', 'completed', 1, '{"text": "The mole."}', 12, '2025-03-06 10:00+00', '2025-03-06 10:01+00'),
('a0000000-0000-4000-8000-000000000002', 'a11ce000-0000-4000-8000-000000000001', 'chat', 'And then?', 'processing', 0.4, null, 0, '2025-03-06 10:05+00', '2025-03-06 10:05+00'),
('a0000000-0000-4000-8000-000000000003', 'b0b00000-0000-4000-8000-000000000002', 'chat', 'Who stands?', 'failed', 0, null, 0, '2025-05-02 10:00+00', '2025-05-02 10:01+00');

insert into public.agent_sessions (id, user_id, request_chain, context_state, created_at, updated_at) values
(
    'e0000000-0000-4000-8000-000000000001', 'a11ce000-0000-4000-8000-000000000001',
    '["a0000000-0000-4000-8000-000000000002", "a0000000-0000-4000-8000-000000000001", "a0000000-0000-4000-8000-000000000003", "gone"]',
    '{"topic": "moles"}', '2025-03-06 10:00+00', '2025-03-06 10:05+00'
);

insert into public.usage_events (user_id, event_type, tokens_used, cost, metadata, created_at) values
('a11ce000-0000-4000-8000-000000000001', 'agent_request', 12, 1234.5678, '{"model": "small"}', '2025-03-06 10:01+00'),
('a11ce000-0000-4000-8000-000000000001', 'agent_request', 5, 12.345678, null, now()),
('b0b00000-0000-4000-8000-000000000002', 'chat', 7, 1e-07, '{}', '2019-05-02 10:01+00');
