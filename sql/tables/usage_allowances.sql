-- What is left of a hard limit in a period, in parts that add up: what a user may still use, as soon as
-- anybody asked; before that, what was used since. Each backend draws on parts of its own, by its slot,
-- and takes from others' when these run dry, so that users of one limit rarely wait for each other. What
-- is drawn beyond them is in rows below zero, of slots below -1.
create table carrel.usage_allowances (
    id uuid not null,
    user_id uuid not null,
    event_type text collate "C" not null,
    measure text collate "C" not null,
    period text collate "C" not null,
    period_start timestamptz not null,
    period_end timestamptz not null,
    slot integer not null,
    limit_value numeric,
    amount numeric not null,
    constraint usage_allowances_pkey primary key (id),
    constraint usage_allowances_user_id_fkey foreign key (user_id) references carrel.user_profiles (user_id) on delete cascade
);

-- Serves: consume_usage() and every event under a hard limit.
create index usage_allowances_user_id_idx on carrel.usage_allowances (user_id, period_start, measure, event_type, period, slot);
