-- Sums over usage_events for each user, day of theirs and type of event; kept by trigger, and proven by
-- verify_usage(). A day in which a billing period begins has rows of both. Rows add up: each backend
-- writes rows of its own, by its slot, so that writers never wait for each other. Numeric, so that no
-- sum overflows.
create table carrel.usage_totals (
    user_id uuid not null,
    day date not null,
    period_start timestamptz not null,
    event_type text collate "C" not null,
    model text collate "C" not null,
    slot integer not null,
    events numeric not null default 0,
    tokens_used numeric not null default 0,
    cost numeric not null default 0,
    constraint usage_totals_pkey primary key (user_id, day, period_start, event_type, model, slot),
    constraint usage_totals_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade
);
