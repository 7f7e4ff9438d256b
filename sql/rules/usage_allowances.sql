alter table carrel.usage_allowances alter column id set default carrel.uuid_v7();
alter table carrel.usage_allowances enable row level security;

create or replace trigger usage_allowances_check_privileges
    before insert or delete or update or truncate on carrel.usage_allowances
    for each statement execute function carrel.check_privileges();
-- Rows are updated over and over: room on their page keeps the indexes out of it, and has their old versions go
-- soon.
alter table carrel.usage_allowances set (fillfactor = 15);

comment on table carrel.usage_allowances is 'What is left of hard limits, in parts that add up; kept by trigger, proven by verify_usage().';
comment on column carrel.usage_allowances.id is 'The key of the row (UUIDv7).';
comment on column carrel.usage_allowances.user_id is 'The user.';
comment on column carrel.usage_allowances.event_type is 'The type of event that is limited, or *.';
comment on column carrel.usage_allowances.measure is 'What is limited.';
comment on column carrel.usage_allowances.period is 'The kind of period, as plan_limits has it.';
comment on column carrel.usage_allowances.period_start is 'When the period began; -infinity for what is stored.';
comment on column carrel.usage_allowances.period_end is 'When the next one begins; infinity for what is stored.';
comment on column carrel.usage_allowances.slot is 'Which of the server''s backends draws on the row; -1: none; below: what one drew beyond what it had.';
comment on column carrel.usage_allowances.limit_value is 'The limit that it is a part of; null where nothing was handed out, or it is not known.';
comment on column carrel.usage_allowances.amount is 'The part of what is left that is here; below zero where more was used.';
