-- Limits of plans. Every matching limit counts; without a row, usage is unlimited. Operators edit
-- them; changes apply at once.
create table carrel.plan_limits (
    plan_type text collate "C" not null,
    event_type text collate "C" not null default '*',
    measure text collate "C" not null,
    period text collate "C" not null default 'month',
    window_length interval,
    limit_value numeric not null,
    enforcement text not null default 'hard',
    created_at timestamptz not null default now(),
    constraint plan_limits_pkey primary key (plan_type, event_type, measure, period),
    constraint plan_limits_plan_type_fkey foreign key (plan_type) references carrel.plans (plan_type) on update cascade on delete cascade,
    constraint plan_limits_event_type_check check (event_type <> ''),
    constraint plan_limits_measure_check check (measure in ('events', 'tokens', 'cost', 'documents', 'bytes')),
    constraint plan_limits_limit_value_check check (limit_value >= 0 and limit_value <= 1000000000000000000000000000000),
    constraint plan_limits_enforcement_check check (enforcement in ('hard', 'soft'))
);
