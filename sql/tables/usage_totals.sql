-- Sums over usage_events by user, day (of the user's time zone), billing period, event type and
-- model. Written when an event is recorded (src/usage/totals/add.rs); merged and rebuilt by
-- merge.rs and rebuild.rs beside it. verify_usage() compares them with the events.
--
-- The rows of one total add up: each backend writes rows with its own slot, so writers never wait
-- for each other. A day in which a billing period begins has rows for both periods. Sums are
-- numeric, so they cannot overflow.
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
