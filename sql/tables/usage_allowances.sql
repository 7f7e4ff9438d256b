-- Remaining allowances of hard limits, split into shares that add up to limit - used - held.
--
-- Each backend debits a share of its own, so sessions under one limit rarely wait for each other.
-- It takes amounts from other shares when its own is exhausted. Overdrafts are negative rows with
-- slots below -1. A limit is allocated to shares when it is first enforced in a period; until then,
-- shares only record debits.
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

-- Serves: consume_usage(), and every event under a hard limit.
create index usage_allowances_user_id_idx on carrel.usage_allowances (user_id, period_start, measure, event_type, period, slot);
