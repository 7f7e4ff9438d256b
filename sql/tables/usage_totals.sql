-- Sums over usage_events for each user, billing period and type of event; kept by trigger, and
-- proven by verify_usage(). Numeric, so that no sum overflows.
create table carrel.usage_totals (
    user_id uuid not null,
    period_start timestamptz not null,
    event_type text not null,
    events numeric not null default 0,
    tokens_used numeric not null default 0,
    cost numeric not null default 0,
    constraint usage_totals_pkey primary key (user_id, period_start, event_type),
    constraint usage_totals_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade
);
