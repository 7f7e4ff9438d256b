-- Plans that users can be on. Operators edit them.
create table carrel.plans (
    plan_type text collate "C" not null,
    description text,
    created_at timestamptz not null default now(),
    constraint plans_pkey primary key (plan_type)
);
