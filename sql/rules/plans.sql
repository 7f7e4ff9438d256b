alter table carrel.plans enable row level security;

-- An example for the operator to edit. Seeded while there are no plans at all, as after a restore
-- of the schema alone.
insert into carrel.plans (plan_type, description)
select seed.plan_type, seed.description
from (
    values
        ('free', 'What every user starts with.'),
        ('pro', 'A paying user.'),
        ('enterprise', 'A paying organisation.')
) as seed (plan_type, description)
where not exists (select from carrel.plans);

comment on table carrel.plans is 'The plans that users can be on; the operator edits them.';
comment on column carrel.plans.plan_type is 'The name of the plan.';
comment on column carrel.plans.description is 'What it is for.';
comment on column carrel.plans.created_at is 'When it was made.';
