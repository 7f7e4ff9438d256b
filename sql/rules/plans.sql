alter table carrel.plans enable row level security;

drop policy if exists plans_all_operator on carrel.plans;
create policy plans_all_operator on carrel.plans
    for all using (carrel.is_operator());

create or replace trigger plans_check_privileges
    before insert or delete or update or truncate on carrel.plans
    for each statement execute function carrel.check_privileges();

create or replace trigger plans_keep_default
    after delete or update of plan_type on carrel.plans
    for each statement execute function carrel.keep_default_plan();

-- Example plans, for operators to edit. Inserted only while there is no plan, as after a restore of
-- the schema alone. Their limits are soft: they reject nothing.
with seeded as (
    insert into carrel.plans (plan_type, description)
    select seed.plan_type, seed.description
    from (
        values
            ('free', 'What every user starts with.'),
            ('pro', 'A paying user.'),
            ('enterprise', 'A paying organisation.')
    ) as seed (plan_type, description)
    where not exists (select from carrel.plans)
    returning plan_type
)
insert into carrel.plan_limits (plan_type, event_type, measure, period, limit_value, enforcement)
select seed.plan_type, seed.event_type, seed.measure, seed.period, seed.limit_value, 'soft'
from (
    values
        ('free', 'agent_request', 'events', 'month', 1000),
        ('free', '*', 'documents', 'stored', 1000),
        ('free', '*', 'bytes', 'stored', 1000000000),
        ('pro', 'agent_request', 'events', 'month', 100000),
        ('pro', '*', 'documents', 'stored', 100000),
        ('pro', '*', 'bytes', 'stored', 100000000000)
) as seed (plan_type, event_type, measure, period, limit_value)
join seeded using (plan_type)
on conflict (plan_type, event_type, measure, period) do nothing;

comment on table carrel.plans is 'Plans that users can be on. Operators edit them.';
comment on column carrel.plans.plan_type is 'Name of the plan.';
comment on column carrel.plans.description is 'Purpose of the plan.';
comment on column carrel.plans.created_at is 'Time of the insert.';
